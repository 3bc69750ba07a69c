/** What a name, a path, a size, a digest and a line of text must be, and what to do about one that is not. Pure. */
import { isSha256 } from "../base/artifact.ts";
import { treePathProblem } from "../base/paths.ts";
import { shorten } from "./document.ts";
import { sourceProblem } from "./source-uri.ts";

/** A rule for a text: what is wrong with it, or null; and what a person does then. */
export interface TextRule {
  readonly problem: (text: string) => string | null;
  readonly fix: string;
}

/** The only version of every format so far. */
export const FORMAT_VERSION = 1;

/** The largest whole number that JavaScript, and most readers of JSON, hold exactly. */
export const MAX_SIZE: number = Number.MAX_SAFE_INTEGER;

/** A name's letters: what can stand in a list separated by commas or blanks, and on a command line. */
export const NAME: RegExp = /^[A-Za-z0-9][A-Za-z0-9._+@-]{0,199}$/;

export const NAME_RULE: TextRule = {
  problem: (text) => (NAME.test(text) ? null : `${JSON.stringify(shorten(text))} is no name`),
  fix: "use letters, digits and . _ + @ - and start with a letter or digit, at most 200 characters",
};

/** A path below the models folder, by the rule of `base/paths.ts`. */
export const PATH_RULE: TextRule = {
  problem: (text) => {
    const problem = treePathProblem(text);
    return problem === null ? null : `${JSON.stringify(shorten(text))} cannot be used: ${problem}`;
  },
  fix: "write a relative path with forward slashes, such as loras/name.safetensors",
};

/** A size as lists print it. */
export const ROUGH_SIZE: RegExp = /^[0-9]{1,6}(?:\.[0-9]{1,3})? ?[kMGT]B$/;

export const ROUGH_SIZE_RULE: TextRule = {
  problem: (text) => (ROUGH_SIZE.test(text) ? null : "is no rounded size"),
  fix: "write it as the list prints it, such as 12.7 GB",
};

/** 64 lower-case hex digits. */
export const SHA256_RULE: TextRule = {
  problem: (text) => {
    if (isSha256(text)) return null;
    if (text.length !== 64) return `has ${text.length} characters, expected 64 hex digits`;
    return isSha256(text.toLowerCase())
      ? "is in upper case, expected lower-case hex digits"
      : "has characters that are no hex digits";
  },
  fix: "write the 64 lower-case hex digits that sha256sum prints",
};

/** A URI of a scheme that some source reads. */
export const SOURCE_RULE: TextRule = {
  problem: sourceProblem,
  fix: "write it like hf://org/repo@revision/path, r2://bucket/key, civitai://versionId or https://host/path",
};

/** Text for people, bounded. */
export const LINE_RULE: TextRule = {
  problem: (text) => (text.trim() === "" ? "is empty" : text.length > 2000 ? "is longer than 2000 characters" : null),
  fix: "write a line of text, or leave the key out",
};
