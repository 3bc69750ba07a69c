/** Byte ranges, and sets of them: half-open, sorted, never touching. Pure. */

/** Bytes `start` (included) to `end` (excluded). */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** Sorted ranges that neither overlap nor touch. Made by the functions below. */
export type RangeSet = readonly ByteRange[];

/** How many bytes a set covers. */
export function rangeBytes(set: RangeSet): number {
  return set.reduce((sum, range) => sum + (range.end - range.start), 0);
}

/** `set` with `added` in it; empty ranges change nothing. */
export function addRange(set: RangeSet, added: ByteRange): RangeSet {
  if (added.end <= added.start) return set;
  const from = firstIndex(set, ({ end }) => end >= added.start);
  const to = firstIndex(set, ({ start }) => start > added.end);
  const start = Math.min(added.start, set[from]?.start ?? added.start);
  const end = Math.max(added.end, set[to - 1]?.end ?? added.end);
  return [...set.slice(0, from), { start, end }, ...set.slice(to)];
}

/** `set` without the bytes of `removed`: `set` itself when it has none of them. */
export function removeRange(set: RangeSet, removed: ByteRange): RangeSet {
  const { from, to } = overlapping(set, removed);
  const [first, last] = [set[from], set[to - 1]];
  if (from >= to || first === undefined || last === undefined) return set;
  const left = { start: first.start, end: removed.start };
  const right = { start: removed.end, end: last.end };
  const parts = [left, right].filter((part) => part.end > part.start);
  return [...set.slice(0, from), ...parts, ...set.slice(to)];
}

/** True when a byte of `range` is in `set`. */
export function touchesRange(set: RangeSet, range: ByteRange): boolean {
  const { from, to } = overlapping(set, range);
  return from < to;
}

/** Indexes of the ranges that have bytes of `range`: from `from` on, before `to`. */
function overlapping(set: RangeSet, range: ByteRange): { readonly from: number; readonly to: number } {
  if (range.end <= range.start) return { from: 0, to: 0 };
  return {
    from: firstIndex(set, ({ end }) => end > range.start),
    to: firstIndex(set, ({ start }) => start >= range.end),
  };
}

/** Of the first range that `is` holds for, as it does for all after it; a file of 60 GB has thousands of them. */
function firstIndex(set: RangeSet, is: (range: ByteRange) => boolean): number {
  let [low, high] = [0, set.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    const range = set[middle];
    if (range !== undefined && is(range)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The bytes of `whole` that `set` lacks, in order. */
export function gapsIn(whole: ByteRange, set: RangeSet): RangeSet {
  const { from, to } = overlapping(set, whole);
  const inside = set.slice(from, to);
  const starts = [whole.start, ...inside.map(({ end }) => end)];
  const ends = [...inside.map(({ start }) => start), whole.end];
  return starts.map((start, index) => ({ start, end: ends[index] ?? start })).filter(({ start, end }) => end > start);
}

/** True when every byte of `range` is in `set`. */
export function hasRange(set: RangeSet, range: ByteRange): boolean {
  return range.end <= range.start || set.some((one) => one.start <= range.start && range.end <= one.end);
}

/** Where the first gap begins when reading from byte 0: the length of the whole prefix. */
export function prefixLength(set: RangeSet): number {
  const first = set[0];
  return first !== undefined && first.start === 0 ? first.end : 0;
}
