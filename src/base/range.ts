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
  let { start, end } = added;
  const before: ByteRange[] = [];
  const after: ByteRange[] = [];
  for (const range of set) {
    if (range.end < start) before.push(range);
    else if (range.start > end) after.push(range);
    else {
      start = Math.min(start, range.start);
      end = Math.max(end, range.end);
    }
  }
  return [...before, { start, end }, ...after];
}

/** `set` without the bytes of `removed`; empty ranges change nothing. */
export function removeRange(set: RangeSet, removed: ByteRange): RangeSet {
  if (removed.end <= removed.start) return set;
  return set.flatMap((range) => {
    if (range.end <= removed.start || range.start >= removed.end) return [range];
    const left = { start: range.start, end: removed.start };
    const right = { start: removed.end, end: range.end };
    return [left, right].filter((part) => part.end > part.start);
  });
}

/** The bytes of `whole` that `set` lacks, in order. */
export function gapsIn(whole: ByteRange, set: RangeSet): RangeSet {
  return set.reduce<RangeSet>(removeRange, whole.end > whole.start ? [whole] : []);
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
