/** What an artifact is: bytes, known by sha256 and size. */
import { ModelsError } from "./errors.ts";

/** 64 lower-case hex digits. Made only by {@link parseSha256}. */
export type Sha256 = string & { readonly __brand: "Sha256" };

/** Bytes that are named by their content. */
export interface Artifact {
  readonly sha256: Sha256;
  readonly size: number;
}

/** A piece is a fixed part of an artifact, in bytes; the last piece is shorter. */
export const PIECE_BYTES: number = 16 * 1024 * 1024;

/** True for exactly 64 lower-case hex digits. */
export function isSha256(text: unknown): text is Sha256 {
  return typeof text === "string" && /^[0-9a-f]{64}$/.test(text);
}

/**
 * Reads a digest written by others: upper case is accepted, nothing else is mended.
 * @throws ModelsError `DIGEST_UNKNOWN` when `text` is not 64 hex digits
 */
export function parseSha256(text: string): Sha256 {
  const lower = text.toLowerCase();
  if (isSha256(lower)) return lower;
  throw new ModelsError("DIGEST_UNKNOWN", `Cannot read sha256 "${text.slice(0, 80)}": expected 64 hex digits`);
}

/** The short form that people compare: the first 12 digits. */
export function shortSha256(sha256: Sha256): string {
  return sha256.slice(0, 12);
}
