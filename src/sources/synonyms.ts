/** Which validators name one and the same file, though they differ. Pure. */
import type { HttpEndpoint } from "../base/mirror.ts";
import { isSameVersion } from "../base/validator.ts";

/**
 * Learns that a fresh answer has the validator `seen`; `isProven` says that it has the same file for certain.
 * @returns what answers may have from now on, or null when there are too many
 */
export type Synonyms = (seen: string, isProven: boolean) => Pick<HttpEndpoint, "validator" | "synonyms"> | null;

/** A validator that is new with every answer says nothing at all. */
const MOST_VALIDATORS = 16;

/**
 * Servers behind one address may each have a validator of their own for the same bytes: the inode or the date of their
 * copy. A file that was replaced never gets its old one back; so an address that gives it again after another one has two
 * for one file, and until then only the old one counts.
 */
export function createSynonyms(first: string): Synonyms {
  const accepted = [first];
  const doubted: string[] = [];
  const isIn = (some: readonly string[], validator: string): boolean =>
    some.some((one) => isSameVersion(one, validator));
  return (seen, isProven) => {
    const isAccepted = isIn(accepted, seen);
    if (!isAccepted && !isIn(doubted, seen)) doubted.push(seen);
    if (accepted.length + doubted.length > MOST_VALIDATORS) return null;
    if (isAccepted || isProven) accepted.push(...doubted.splice(0));
    return { validator: isAccepted ? seen : first, synonyms: accepted.length > 1 ? [...accepted] : [] };
  };
}
