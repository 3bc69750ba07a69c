/** Feeds one target with ever new inputs, and keeps those that reached something new as the seeds of others. */
import { systemClock } from "../../src/base/clock.ts";
import type { Coverage } from "./coverage.ts";
import { judge } from "./judge.ts";
import { mutate } from "./mutate.ts";
import { createRandom, type Random } from "./random.ts";
import type { Target } from "./terms.ts";

export interface Limits {
  readonly ms: number;
  /** Most inputs. */
  readonly runs: number;
  readonly seed: number;
  /** Null takes every input for as good as any other. */
  readonly coverage: Coverage | null;
  /** Told before each input, so that it is known even when nothing comes after it. */
  readonly before: (bytes: Uint8Array) => void;
}

export interface Failure {
  readonly bytes: Uint8Array;
  readonly problem: string;
}

export interface Outcome {
  readonly runs: number;
  readonly kept: number;
  readonly reached: number;
  readonly failures: readonly Failure[];
}

const MOST_KEPT = 4000;
const MOST_FAILURES = 20;

/** Runs `target` until the time is over. One failure of each kind is enough. */
export async function fuzz(target: Target, limits: Limits): Promise<Outcome> {
  const { ms, seed, coverage, before } = limits;
  const random = createRandom(seed);
  const corpus: Uint8Array[] = [...(await target.seeds())];
  const failures = new Map<string, Failure>();
  let runs = 0;
  const feed = async (inputs: readonly Uint8Array[]): Promise<void> => {
    for (const bytes of inputs) {
      before(bytes);
      runs += 1;
      const problem = await judge(target, bytes);
      if (problem !== null) failures.set(kindOf(problem), { bytes, problem });
    }
  };
  await feed(corpus);
  coverage?.news(true);
  const until = systemClock.monotonicMs() + ms;
  let size = 16;
  while (runs < limits.runs && systemClock.monotonicMs() < until && failures.size < MOST_FAILURES) {
    const batch = Array.from({ length: size }, () =>
      mutate(choose(corpus, random), { random, others: corpus, words: target.words }),
    );
    const started = systemClock.monotonicMs();
    await feed(batch);
    const fedMs = systemClock.monotonicMs() - started;
    if (coverage === null) continue;
    const isNews = coverage.news(false) > 0;
    // Asking costs the same after few inputs as after many: about a fifth of the time goes into it.
    const askedMs = systemClock.monotonicMs() - started - fedMs;
    size = Math.max(4, Math.min(1000, Math.round((size * 4 * askedMs) / Math.max(fedMs, 0.1))));
    if (!isNews || corpus.length >= MOST_KEPT) continue;
    corpus.push(...(await newsIn(batch, feed, coverage)));
  }
  return { runs, kept: corpus.length, reached: coverage?.size() ?? 0, failures: [...failures.values()] };
}

/** The inputs of a batch that reach something new: halves that reach nothing new are passed over. */
async function newsIn(
  batch: readonly Uint8Array[],
  feed: (inputs: readonly Uint8Array[]) => Promise<void>,
  coverage: Coverage,
): Promise<readonly Uint8Array[]> {
  await feed(batch);
  if (coverage.news(batch.length === 1) === 0) return [];
  if (batch.length === 1) return batch;
  const half = batch.length >> 1;
  return [
    ...(await newsIn(batch.slice(0, half), feed, coverage)),
    ...(await newsIn(batch.slice(half), feed, coverage)),
  ];
}

/** The newest are the least tried. */
function choose(corpus: readonly Uint8Array[], random: Random): Uint8Array {
  const newest = Math.min(corpus.length, 50);
  const at = random.once(3) ? corpus.length - 1 - random.below(newest) : random.below(corpus.length);
  return corpus[at] ?? new Uint8Array();
}

/** The message without its figures and the first place in the code. */
function kindOf(problem: string): string {
  const [message = "", ...stack] = problem.split("\n");
  return `${message.replace(/\d+/g, "#").slice(0, 80)} ${stack.find((line) => line.includes("/src/")) ?? ""}`;
}
