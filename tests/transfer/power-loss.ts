/** What a disk may hold after a power cut, for every moment of a recorded run: all that was synced, and any of the rest. */
import { createHash } from "node:crypto";
import { dirname } from "node:path";
import { addRange, type RangeSet } from "../../src/base/range.ts";

/** One line of the recorder. */
export type Act =
  | {
      readonly act: "write";
      readonly inode: number;
      readonly at: number;
      readonly bytes: number;
      readonly sha256: string;
      readonly data?: string;
    }
  | { readonly act: "truncate"; readonly inode: number; readonly size: number }
  | { readonly act: "sync-begin" | "sync-end"; readonly inode: number; readonly id: string }
  | { readonly act: "create"; readonly path: string; readonly inode: number }
  | { readonly act: "folder"; readonly path: string; readonly inode: number }
  | { readonly act: "rename" | "link"; readonly from: string; readonly path: string }
  | { readonly act: "unlink"; readonly path: string };

/** One thing on its way to the disk: on it for certain from `durableFrom` on. */
interface Pending {
  readonly index: number;
  readonly act: Act;
  readonly durableFrom: number;
}

/** Whether something that was never synced reached the disk before the cut. */
export type Luck = (index: number) => boolean;

/** A file after the cut. */
export interface Remains {
  readonly size: number;
  /** The writes that reached it, in order. */
  readonly writes: readonly Extract<Act, { act: "write" }>[];
}

export interface Recording {
  /** How many moments there are. */
  readonly moments: number;
  /** What lies where when the power goes after act number `moment`. */
  readonly after: (moment: number, luck: Luck) => ReadonlyMap<string, Remains>;
}

const isContent = ({ act }: Act): boolean => act === "write" || act === "truncate";
const isName = ({ act }: Act): boolean => act === "create" || act === "rename" || act === "link" || act === "unlink";

/**
 * Reads what a recorder wrote. Contents are durable once a sync of that file, begun after them, has ended; names once
 * a sync of their folder has. Anything else may be there or not, each by itself.
 */
export function readRecording(acts: readonly Act[]): Recording {
  const syncs = syncsIn(acts);
  const folders = new Map(acts.flatMap((act) => (act.act === "folder" ? [[act.path, act.inode] as const] : [])));
  const durableFrom = (index: number, inode: number | undefined): number =>
    syncs.find((sync) => sync.inode === inode && sync.begin > index)?.end ?? Number.POSITIVE_INFINITY;
  const pending = acts.flatMap((act, index): readonly Pending[] => {
    if (act.act === "write" || act.act === "truncate")
      return [{ index, act, durableFrom: durableFrom(index, act.inode) }];
    if (!isName(act) || !("path" in act)) return [];
    return [{ index, act, durableFrom: durableFrom(index, folders.get(dirname(act.path))) }];
  });
  return {
    moments: acts.length,
    after: (moment, luck) => {
      const there = pending.filter((one) => one.index <= moment && (one.durableFrom <= moment || luck(one.index)));
      const files = new Map<number, Remains>();
      for (const { act } of there.filter((one) => isContent(one.act))) grow(files, act);
      return namesIn(there, acts, files);
    },
  };
}

interface Sync {
  readonly inode: number;
  readonly begin: number;
  readonly end: number;
}

function syncsIn(acts: readonly Act[]): readonly Sync[] {
  const begun = new Map<string, number>();
  const syncs: Sync[] = [];
  for (const [index, act] of acts.entries()) {
    if (act.act === "sync-begin") begun.set(act.id, index);
    if (act.act === "sync-end") syncs.push({ inode: act.inode, begin: begun.get(act.id) ?? index, end: index });
  }
  return syncs.sort((one, other) => one.end - other.end);
}

function grow(files: Map<number, Remains>, act: Act): void {
  if (act.act !== "write" && act.act !== "truncate") return;
  const known = files.get(act.inode) ?? { size: 0, writes: [] };
  if (act.act === "truncate") files.set(act.inode, { ...known, size: act.size });
  else {
    const size = Math.max(known.size, act.at + act.bytes);
    files.set(act.inode, { size, writes: [...known.writes, act] });
  }
}

/** Which file has which name: what was renamed must have been there before, whether its creation was synced or not. */
function namesIn(
  there: readonly Pending[],
  acts: readonly Act[],
  files: ReadonlyMap<number, Remains>,
): ReadonlyMap<string, Remains> {
  const inodes = inodesIn(acts);
  const names = new Map<string, number>();
  for (const { act, index } of there) {
    if (act.act === "create") names.set(act.path, act.inode);
    if (act.act === "unlink") names.delete(act.path);
    if (act.act !== "rename" && act.act !== "link") continue;
    const inode = inodes.get(index);
    if (inode !== undefined) names.set(act.path, inode);
    if (act.act === "rename" && names.get(act.from) === inode) names.delete(act.from);
  }
  return new Map([...names].map(([path, inode]) => [path, files.get(inode) ?? { size: 0, writes: [] }]));
}

/** Which file each rename and link was about, as it really was when it ran. */
function inodesIn(acts: readonly Act[]): ReadonlyMap<number, number> {
  const names = new Map<string, number>();
  const moved = new Map<number, number>();
  for (const [index, act] of acts.entries()) {
    if (act.act === "create") names.set(act.path, act.inode);
    if (act.act === "unlink") names.delete(act.path);
    if (act.act !== "rename" && act.act !== "link") continue;
    const inode = names.get(act.from);
    if (inode === undefined) continue;
    moved.set(index, inode);
    names.set(act.path, inode);
    if (act.act === "rename") names.delete(act.from);
  }
  return moved;
}

/** The text of a small file; what no write reached is zeros. */
export function textOf({ size, writes }: Remains): string {
  const bytes = Buffer.alloc(size);
  for (const { at, data = "" } of writes) Buffer.from(data, "base64").copy(bytes, at);
  return bytes.toString("utf8");
}

/** Says in which ranges a file holds what `whole` holds; each write is compared once. */
export function compareWith(whole: Uint8Array): (remains: Remains) => RangeSet {
  const right = new Set<Act>();
  const prove = (act: Extract<Act, { act: "write" }>): void => {
    if (right.has(act)) return;
    const { at, bytes, sha256 } = act;
    const wanted = createHash("sha256")
      .update(whole.subarray(at, at + bytes))
      .digest("hex");
    if (wanted !== sha256) throw new Error(`other bytes than the mirror's were written at ${at}`);
    right.add(act);
  };
  return ({ writes }) => {
    for (const act of writes) prove(act);
    return writes.reduce<RangeSet>((set, { at, bytes }) => addRange(set, { start: at, end: at + bytes }), []);
  };
}
