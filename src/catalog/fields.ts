/** The fields that manifests, kits, lockfiles and piece tables share. */
import { z } from "zod";
import { isSha256 } from "../base/artifact.ts";
import { treePathProblem } from "../base/paths.ts";
import { checkedText, FORMAT_VERSION, wholeNumber } from "./check.ts";
import { shorten } from "./document.ts";
import { sourceProblem } from "./source-uri.ts";

const NAME = /^[A-Za-z0-9][A-Za-z0-9._+@-]{0,199}$/;

/** `version: 1`. */
export const versionField: z.ZodLiteral<1> = z.literal(FORMAT_VERSION);

/** What an editor reads to complete and check the file; nothing to us. */
export const schemaField: z.ZodOptional<z.ZodString> = z.string().optional();

/** A name that can stand in a list separated by commas or blanks, and on a command line. */
export const nameField: z.ZodString = checkedText(
  (text) => (NAME.test(text) ? null : `${JSON.stringify(shorten(text))} is no name`),
  "use letters, digits and . _ + @ - and start with a letter or digit, at most 200 characters",
).meta({ pattern: NAME.source });

/** A path below the models folder, by the rule of `base/paths.ts`. */
export const pathField: z.ZodString = checkedText((text) => {
  const problem = treePathProblem(text);
  return problem === null ? null : `${JSON.stringify(shorten(text))} cannot be used: ${problem}`;
}, "write a relative path with forward slashes, such as loras/name.safetensors");

/** Bytes. */
export const sizeField: z.ZodNumber = wholeNumber(
  0,
  Number.MAX_SAFE_INTEGER,
  "write the size in bytes, or leave it out when nobody knows it",
);

/** 64 lower-case hex digits. */
export const sha256Field: z.ZodString = checkedText(
  sha256Problem,
  "write the 64 lower-case hex digits that sha256sum prints",
).meta({ pattern: "^[0-9a-f]{64}$" });

/** A URI of a scheme that some source reads. */
export const sourceField: z.ZodString = checkedText(
  sourceProblem,
  "write it like hf://org/repo@revision/path, r2://bucket/key, civitai://versionId or https://host/path",
);

/** Text for people, bounded. */
export const textField: z.ZodString = checkedText(
  (text) => (text.trim() === "" ? "is empty" : text.length > 2000 ? "is longer than 2000 characters" : null),
  "write a line of text, or leave the key out",
);

function sha256Problem(text: string): string | null {
  if (isSha256(text)) return null;
  if (text.length !== 64) return `has ${text.length} characters, expected 64 hex digits`;
  return isSha256(text.toLowerCase())
    ? "is in upper case, expected lower-case hex digits"
    : "has characters that are no hex digits";
}
