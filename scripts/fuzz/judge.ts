/** Whether a target bore an input: what it threw, how long it took, how much memory it kept, what it left behind. */
import { systemClock } from "../../src/base/clock.ts";
import { isModelsError } from "../../src/base/errors.ts";
import type { Target } from "./terms.ts";

/**
 * Longest time for one input, and what each megabyte of it may add: what grows faster than its input is over soon.
 * Other work on the machine only ever adds, so the least of three counts, and of time and processor time the lesser.
 */
const MOST_MS = 1000;
const MOST_MS_A_MEGABYTE = 4000;
/** Most memory that one input may add to the process, in bytes. */
const MOST_BYTES: number = 400 * 1024 * 1024;

/** What went wrong, or null. */
export async function judge(target: Target, bytes: Uint8Array): Promise<string | null> {
  const before = process.memoryUsage.rss();
  const started = systemClock.monotonicMs();
  const problem = await outcome(target, bytes);
  if (problem !== null) return problem;
  const mostMs = MOST_MS + (MOST_MS_A_MEGABYTE * bytes.length) / 2 ** 20;
  if (systemClock.monotonicMs() - started > mostMs) {
    const ms = await leastOfThree(target, bytes);
    if (ms > mostMs) return `it took ${Math.round(ms)} ms for ${bytes.length} bytes`;
  }
  const grown = process.memoryUsage.rss() - before;
  return grown > MOST_BYTES ? `it took ${Math.round(grown / 1024 / 1024)} MiB for ${bytes.length} bytes` : null;
}

async function outcome(target: Target, bytes: Uint8Array): Promise<string | null> {
  try {
    await target.run(bytes);
  } catch (error) {
    if (!isModelsError(error, ...target.codes))
      return error instanceof Error ? (error.stack ?? error.message) : String(error);
    const odd = oddMessage(error.message);
    if (odd !== null) return odd;
  }
  return pollution();
}

const UNPRINTABLE = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/;

/** Control characters could change what a terminal shows; a message of megabytes shows nothing. */
function oddMessage(message: string): string | null {
  if (message.length > 200_000) return `its message has ${message.length} characters`;
  return UNPRINTABLE.test(message) ? `its message has control characters: ${JSON.stringify(message)}` : null;
}

async function leastOfThree(target: Target, bytes: Uint8Array): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 3; round += 1) {
    const started = systemClock.monotonicMs();
    const before = process.cpuUsage();
    await outcome(target, bytes);
    const { user, system } = process.cpuUsage(before);
    least = Math.min(least, systemClock.monotonicMs() - started, (user + system) / 1000);
  }
  return least;
}

const CLEAN = [Object.prototype, Array.prototype, Function.prototype].map(
  (one) => [one, Reflect.ownKeys(one).length] as const,
);

function pollution(): string | null {
  return CLEAN.every(([one, count]) => Reflect.ownKeys(one).length === count)
    ? null
    : "it changed a prototype that all objects share";
}
