/** How a file of the catalogue gets leave to be read: asked with its bytes, before anything in them is believed. */
import { isModelsError, ModelsError } from "../base/errors.ts";

/** A file that nobody has vouched for yet. */
export interface Unproven {
  readonly kind: "manifest" | "kit" | "lockfile";
  /** Its path or URL, which may hold a secret. */
  readonly place: string;
  readonly content: Uint8Array;
}

/** Leave to read on. */
export interface Grant {
  /** Refuses what the file has no right to say: another name than its own, models in places that are not its signer's. */
  readonly assertCovers: (contents: { readonly name?: string; readonly paths?: Iterable<string> }) => void;
}

/** Null lets a file in without conditions. @throws ModelsError when it must not be read */
export type Admit = (file: Unproven) => Promise<Grant | null>;

/** Collects refusals, so that all of them can be told at once. */
export interface Door {
  /** What `read` gives, or null when it, or the file itself, was refused. Other errors pass. */
  readonly pass: <T>(read: () => Promise<T>) => Promise<T | null>;
  /** @throws ModelsError the refusal, or the first of several with all of them as problems */
  readonly close: () => void;
}

/** Makes a door. */
export function createDoor(): Door {
  const refusals: ModelsError[] = [];
  return {
    pass: async (read) => {
      try {
        return await read();
      } catch (error) {
        if (!isModelsError(error, "SIGNATURE_MISSING", "SIGNATURE_INVALID", "SIGNATURE_UNTRUSTED", "ROLLBACK_REFUSED"))
          throw error;
        // What is wrong with a key is wrong with every file, and said once.
        if (refusals.every(({ message }) => message !== error.message)) refusals.push(error);
        return null;
      }
    },
    close: () => {
      const [first, ...rest] = refusals;
      if (first === undefined) return;
      if (rest.length === 0) throw first;
      const seen = first.message.replace(/^Cannot trust /, "");
      throw new ModelsError(first.code, `Cannot trust ${refusals.length} files: ${seen}, and ${rest.length} more`, {
        cause: first,
        problems: refusals.map(({ message, fix }) => ({ at: "", message, ...(fix === undefined ? {} : { fix }) })),
      });
    },
  };
}
