/** How long a case may go on, so that a whole run ends in time. Pure. */

/** A machine that is slower than planned is so for the cases that follow, too, and each of them has its first round. */
const RESERVE = 1.1;

/** When the first of `cases` begins no further round, so that the others still end before `endsMs`. */
export function lastBeginMs(endsMs: number, cases: readonly { readonly seconds: number }[]): number {
  const others = cases.slice(1).reduce((sum, { seconds }) => sum + seconds, 0);
  return endsMs - RESERVE * others * 1000;
}
