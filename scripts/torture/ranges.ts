/** Which bytes of a file went over the wire twice, by the log of whoever sent them. Pure. */
import { addRange, type ByteRange, gapsIn, type RangeSet, rangeBytes } from "../../src/base/range.ts";
import type { LoggedRequest } from "../../tests/origins/index.ts";

/** Bytes that `after` sent again of what `before` had sent. */
export function fetchedTwice(before: readonly LoggedRequest[], after: readonly LoggedRequest[]): number {
  const known = before.flatMap(sentRange).reduce<RangeSet>(addRange, []);
  const again = after.flatMap(sentRange).reduce<RangeSet>(addRange, []);
  return again.reduce((sum, range) => sum + within(range, known), 0);
}

const within = (range: ByteRange, set: RangeSet): number => range.end - range.start - rangeBytes(gapsIn(range, set));

function sentRange({ range, method, status, bytesSent }: LoggedRequest): readonly ByteRange[] {
  const start = Number(/^bytes=(\d+)-/.exec(range ?? "")?.[1] ?? Number.NaN);
  if (method !== "GET" || status !== 206 || bytesSent === 0 || Number.isNaN(start)) return [];
  return [{ start, end: start + bytesSent }];
}
