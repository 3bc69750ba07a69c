/** The one line in which a registry file says what an input of a node class names: `class > input > place > folders > how`. */
import { treePathProblem } from "../base/paths.ts";
import type { TextRule } from "./rules.ts";

/** How a value may be written, besides the plain name that needs no word. */
const WAYS = ["name", "folder", "rows", "lora-tags", "embeddings", "own", "unused"] as const;

/** One input of one class. */
export interface LoaderEntry {
  readonly class: string;
  readonly input: string;
  readonly index: number | null;
  readonly folders: readonly string[];
  readonly written: (typeof WAYS)[number];
  readonly gate: { readonly kind: "if" | "until"; readonly input: string; readonly index: number | null } | null;
}

/** What such a line must be. */
export const LOADER_RULE: TextRule = {
  problem: (text) => {
    const parsed = parseLoaderLine(text);
    return typeof parsed === "string" ? parsed : null;
  },
  fix: "write it as class > input > place in widgets_values or - > folder, folder > how",
};

/** The entry of a line, or what is wrong with it. */
export function parseLoaderLine(line: string): LoaderEntry | string {
  const parts = line.split(" > ").map((part) => part.trim());
  const [name, input, place, folderList, how = "", ...more] = parts;
  if (!name || !input || !place || !folderList || more.length > 0) return `has ${parts.length} parts, expected 4 or 5`;
  if (!/^(?:-|\d{1,3})$/.test(place)) return `has "${place}" as place, expected a number or -`;
  const folders = folderList.split(",").map((folder) => folder.trim());
  const wrong = folders.find((folder) => treePathProblem(folder) !== null);
  if (wrong !== undefined) return `has the folder "${wrong}", of which ${treePathProblem(wrong)}`;
  const read = parseHow(how);
  if (typeof read === "string") return read;
  return { class: name, input, index: indexOf(place), folders, ...read };
}

function parseHow(how: string): Pick<LoaderEntry, "written" | "gate"> | string {
  const words = how.split(",").flatMap((word) => word.trim() || []);
  let written: LoaderEntry["written"] = "name";
  let gate: LoaderEntry["gate"] = null;
  for (const word of words) {
    const [, kind, input, place] = /^(if|until) ([^@]+)(?:@(\d{1,3}))?$/.exec(word) ?? [];
    const way = WAYS.find((one) => one === word);
    if (kind !== undefined && input !== undefined) {
      gate = { kind: kind === "if" ? "if" : "until", input, index: indexOf(place ?? "-") };
    } else if (way !== undefined) written = way;
    else return `has "${word}", expected one of ${WAYS.join(", ")}, "if input@place" or "until input@place"`;
  }
  return { written, gate };
}

function indexOf(place: string): number | null {
  return place === "-" ? null : Number(place);
}
