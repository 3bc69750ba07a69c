/** Who may take how much of the time for a whole run. Pure. */

/**
 * The part of `leftMs` for the first of `cases`, all of which are still to come: what one does not need, or takes too
 * much of, the next ones share.
 */
export function shareOf(leftMs: number, cases: readonly { readonly seconds: number }[]): number {
  const all = cases.reduce((sum, { seconds }) => sum + seconds, 0);
  return Math.max(0, leftMs) * ((cases[0]?.seconds ?? 0) / all);
}
