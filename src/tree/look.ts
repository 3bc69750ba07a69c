/** What lies at a path, in the cases that a person must treat differently. */
import type { BigIntStats } from "node:fs";
import { diskError } from "../base/disk-error.ts";
import { errnoOf, lstatOrNull, statOrNull } from "./disk.ts";
import { type Stamp, stampOf } from "./stamp.ts";

export type Look =
  /** A regular file, perhaps through links. */
  | { readonly kind: "file"; readonly stamp: Stamp }
  | { readonly kind: "nothing" }
  /** A link that leads to nothing. */
  | { readonly kind: "dangling" }
  /** Something that no bytes of a model can be read from. */
  | { readonly kind: "other"; readonly what: string };

/**
 * Looks at `path`, through links, and reads nothing.
 * @throws ModelsError `DISK_FAILED` when it may not be looked at
 */
export async function lookAt(path: string): Promise<Look> {
  try {
    const own = lstatOrNull(path);
    if (own === null) return { kind: "nothing" };
    const seen = own.isSymbolicLink() ? statOrNull(path) : own;
    if (seen === null) return { kind: "dangling" };
    return seen.isFile() ? { kind: "file", stamp: stampOf(seen) } : other(seen);
  } catch (error) {
    if (errnoOf(error) === "ELOOP") return { kind: "dangling" };
    throw diskError("look at", path, error);
  }
}

function other(seen: BigIntStats): Look {
  return { kind: "other", what: kindOf(seen) };
}

/** What kind of thing this is, for a sentence: `a folder`, `a FIFO`. */
export function kindOf(seen: BigIntStats): string {
  if (seen.isFile()) return "a file";
  if (seen.isDirectory()) return "a folder";
  if (seen.isSymbolicLink()) return "a link";
  if (seen.isFIFO()) return "a FIFO";
  if (seen.isSocket()) return "a socket";
  return "a device";
}
