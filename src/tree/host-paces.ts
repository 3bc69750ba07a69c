/** What hosts gave in earlier runs, kept in the tree so that the next one need not find it out anew. */
import { isCount } from "../base/bytes.ts";
import type { HostPace } from "../base/host-pace.ts";
import { changeAlone } from "./brief-lock.ts";
import { type Fields, readSealed, writeSealed } from "./sealed.ts";
import type { TreeParts } from "./terms.ts";

const VERSION = 1;
const MAX_BYTES: number = 64 * 1024;
const MAX_HOSTS = 64;
const MAX_ORIGIN = 300;
/** A line or a host of so long ago is another one. */
const MAX_AGE_MS: number = 14 * 24 * 60 * 60 * 1000;
/** More than any client opens and any network carries: whoever wrote that did not measure it. */
const MAX_LANES = 256;
const MAX_RATE: number = 1_000_000 * 1_000_000;

type Parts = Pick<TreeParts, "layout" | "clock">;

/** What is remembered and not too old; nothing when the file is absent, torn or not ours. Never throws. */
export async function readPaces({ layout, clock }: Parts): Promise<readonly HostPace[]> {
  try {
    return parsePaces(await readSealed(layout.hostPaces, MAX_BYTES), clock.now());
  } catch {
    return [];
  }
}

/** Adds `paces` to what is remembered. Never throws: a tree that cannot be written to costs time, not truth. */
export async function rememberPaces(parts: Parts, paces: readonly HostPace[]): Promise<void> {
  const { layout, clock } = parts;
  if (paces.length === 0) return;
  await changeAlone(parts, layout.hostPaces, async () => {
    const hosts = mergePaces(await readPaces(parts), paces, clock.now());
    await writeSealed(parts, layout.hostPaces, { version: VERSION, hosts }).catch(() => undefined);
  });
}

/** The newest word on each host, newest first, without what could not be read again. */
export function mergePaces(
  before: readonly HostPace[],
  paces: readonly HostPace[],
  nowMs: number,
): readonly HostPace[] {
  const newest = new Map<string, HostPace>();
  for (const pace of [...before, ...paces].sort((one, other) => one.at - other.at)) newest.set(pace.origin, pace);
  return [...newest.values()]
    .filter((pace) => isPlausible(pace, nowMs))
    .sort((one, other) => other.at - one.at)
    .slice(0, MAX_HOSTS);
}

/** The paces in the content of a state file; what is no pace, too old or from the future is left out. Never throws. */
export function parsePaces(content: Fields | null, nowMs: number): readonly HostPace[] {
  const { version, hosts } = content ?? {};
  if (version !== VERSION || !Array.isArray(hosts)) return [];
  return mergePaces(
    [],
    hosts
      .slice(0, MAX_HOSTS)
      .map(parsePace)
      .filter((one) => one !== null),
    nowMs,
  );
}

function parsePace(entry: unknown): HostPace | null {
  if (typeof entry !== "object" || entry === null) return null;
  const { origin, bytesPerSecond, laneBytesPerSecond, lanes, at } = entry as Fields;
  if (typeof origin !== "string" || !isCount(bytesPerSecond) || !isCount(laneBytesPerSecond)) return null;
  return isCount(lanes) && isCount(at) ? { origin, bytesPerSecond, laneBytesPerSecond, lanes, at } : null;
}

function isPlausible({ origin, bytesPerSecond, laneBytesPerSecond, lanes, at }: HostPace, nowMs: number): boolean {
  return (
    isOrigin(origin) &&
    laneBytesPerSecond > 0 &&
    laneBytesPerSecond <= bytesPerSecond &&
    bytesPerSecond <= MAX_RATE &&
    lanes >= 1 &&
    lanes <= MAX_LANES &&
    at <= nowMs &&
    nowMs - at <= MAX_AGE_MS
  );
}

/** A user, a path or a query would make it another text than its own origin. */
function isOrigin(text: string): boolean {
  return text.length <= MAX_ORIGIN && /^https?:/.test(text) && URL.canParse(text) && new URL(text).origin === text;
}
