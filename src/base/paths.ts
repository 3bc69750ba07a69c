/** The only file that decides whether a name from outside may become a path under the root. */
import { join, resolve, sep } from "node:path";
import { ModelsError } from "./errors.ts";

/** A relative path with forward slashes that stays inside the tree on every system. Made by {@link parseTreePath}. */
export type TreePath = string & { readonly __brand: "TreePath" };

/** The folder inside a tree that belongs to modelferry. */
export const STATE_FOLDER = ".modelferry";

const MAX_PATH = 1024;
const MAX_COMPONENT = 255;
const RESERVED = /^(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³]) *(\..*)?$/i;
// Control characters, and the invisible or direction-changing ones that make a name look like another.
const INVISIBLE =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\u{e0000}-\u{e007f}]/u;

/** Why `text` cannot be a path in a tree, or null when it can. */
export function treePathProblem(text: string): string | null {
  if (text === "") return "it is empty";
  if (text.length > MAX_PATH) return `it is longer than ${MAX_PATH} characters`;
  if (INVISIBLE.test(text)) return "it has control or invisible characters";
  if (/\p{Surrogate}/u.test(text)) return "it is not well-formed Unicode";
  if (text.includes("\\")) return "it has a backslash, write forward slashes";
  if (text.startsWith("/")) return "it is absolute, expected a path below the models folder";
  if (/[:*?"<>|]/.test(text)) return 'it has one of : * ? " < > |, which not every file system takes';
  for (const part of text.split("/")) {
    const problem = componentProblem(part);
    if (problem !== null) return problem;
  }
  return text.toLowerCase().split("/")[0] === STATE_FOLDER
    ? `it lies in ${STATE_FOLDER}, which is modelferry's own`
    : null;
}

function componentProblem(part: string): string | null {
  if (part === "") return "it has an empty part (a doubled or trailing slash)";
  if (part === "." || part === "..") return `it has a "${part}" part`;
  if (Buffer.byteLength(part) > MAX_COMPONENT) return `a part of it is longer than ${MAX_COMPONENT} bytes`;
  if (/[. ]$/.test(part)) return "a part of it ends in a dot or a space";
  if (RESERVED.test(part)) return `"${part}" is a reserved device name`;
  return null;
}

/**
 * Accepts a path from a manifest, a workflow or a person.
 * @throws ModelsError `PATH_UNSAFE`
 */
export function parseTreePath(text: string): TreePath {
  const problem = treePathProblem(text);
  if (problem === null) return text as TreePath;
  throw new ModelsError("PATH_UNSAFE", `Cannot use path ${JSON.stringify(text.slice(0, 200))}: ${problem}`, {
    fix: "write a relative path with forward slashes, such as loras/name.safetensors",
  });
}

/** What two paths must not share: their spelling after case folding and Unicode composition. */
export function collisionKey(path: TreePath): string {
  return path.normalize("NFC").toLowerCase();
}

/** The absolute path of `path` under `root`. */
export function joinUnder(root: string, path: TreePath): string {
  const whole = resolve(root);
  const joined = join(whole, path);
  const inside = whole.endsWith(sep) ? whole : whole + sep;
  if (!joined.startsWith(inside) || joined === inside) {
    throw new ModelsError("PATH_UNSAFE", `Cannot use path "${path}": it leaves ${whole}`);
  }
  return joined;
}
