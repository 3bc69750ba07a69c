/** What reading the header of a weights file can end in. */

export type HeaderVerdict =
  | { readonly kind: "ok"; readonly headerBytes: number }
  /** The header goes on past the given bytes: come back with the first `needBytes` of the file. */
  | { readonly kind: "more"; readonly needBytes: number }
  /** `problem` reads on from "the file ": `says that its header has …`. */
  | { readonly kind: "bad"; readonly problem: string };

export const bad = (problem: string): HeaderVerdict => ({ kind: "bad", problem });
