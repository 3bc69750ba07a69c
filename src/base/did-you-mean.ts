/** What a person probably meant by a name that does not exist. The only file that measures the distance of words. */
import { distance } from "fastest-levenshtein";

/** Longer words are compared by nobody: a distance costs the product of both lengths. */
const MAX_LENGTH = 200;

/** The candidate nearest to `word` (the first of several), or null when none is near enough to be meant. */
export function nearestTo(word: string, candidates: Iterable<string>): string | null {
  if (word.length > MAX_LENGTH) return null;
  const wanted = word.toLowerCase();
  let best: string | null = null;
  let left = allowedDistance(word.length);
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - word.length) > left) continue;
    const seen = distance(wanted, candidate.toLowerCase());
    if (seen > left) continue;
    best = candidate;
    if (seen === 0) break;
    left = seen - 1;
  }
  return best;
}

/** One letter in a short word, two swapped ones (a distance of 2) in a usual one, a third of a long one. */
function allowedDistance(length: number): number {
  return length < 4 ? 1 : Math.max(2, Math.floor(length / 3));
}

/** `did you mean "flux"?`, or undefined when nothing is near; made to be a `fix`. */
export function didYouMean(word: string, candidates: Iterable<string>): string | undefined {
  const nearest = nearestTo(word, candidates);
  return nearest === null ? undefined : `did you mean "${nearest}"?`;
}
