/** The format of ComfyUI's `extra_model_paths.yaml`, and the only file that reads it: which folders outside the tree are searched as well. */
import { homedir } from "node:os";
import { dirname, isAbsolute, resolve } from "node:path";
import { readBounded } from "../base/bounded-file.ts";
import { variableOf } from "../base/environment.ts";
import { type Problem, reasonOf } from "../base/errors.ts";
import type { Environment } from "../base/process.ts";
import type { Document } from "./document.ts";
import { problemsError } from "./problems.ts";
import { MAX_TEXT_BYTES, readDocument } from "./read.ts";

/** A folder outside the tree in which ComfyUI looks for files of one kind. */
export interface ExtraFolder {
  /** As the file has it: ComfyUI's name of the kind, such as `loras` or the older `unet`. */
  readonly folder: string;
  /** Absolute. */
  readonly directory: string;
}

/**
 * The folders of one file, those of an `is_default` section first, as ComfyUI takes them (`utils/extra_config.py`):
 * `base_path` may begin with `~` and hold variables, and is relative to the file; several paths stand on lines of their own.
 * @throws ModelsError `CONFIG_INVALID` with every problem
 */
export async function readExtraPaths(file: string, environment: Environment): Promise<readonly ExtraFolder[]> {
  const read = await readDocument(file, await contentOf(file));
  if (read.kind === "bad") throw invalid(file, read.problems);
  const { root } = read.document;
  if (root === null) return [];
  const problems: Problem[] = [];
  if (!isMapping(root)) throw invalid(file, [{ at: read.document.placeOf([]), ...NO_SECTIONS }]);
  const sections = Object.entries(root).flatMap(([name, section]) =>
    // A section without a line is a comment to ComfyUI as well.
    section === null ? [] : [readSection(name, section, { document: read.document, environment, problems })],
  );
  if (problems.length > 0) throw invalid(file, problems);
  const inOrder = [...sections.filter(({ isDefault }) => isDefault), ...sections.filter((one) => !one.isDefault)];
  return inOrder.flatMap(({ folders }) => folders);
}

interface Section {
  readonly isDefault: boolean;
  readonly folders: readonly ExtraFolder[];
}

interface Reading {
  readonly document: Document;
  readonly environment: Environment;
  readonly problems: Problem[];
}

const NO_SECTIONS = { message: "this has no sections", fix: "see extra_model_paths.yaml.example of ComfyUI" };

function readSection(name: string, section: unknown, { document, environment, problems }: Reading): Section {
  if (!isMapping(section)) {
    problems.push({
      at: document.placeOf([name]),
      message: `section "${name}" holds no folders`,
      fix: NO_SECTIONS.fix,
    });
    return { isDefault: false, folders: [] };
  }
  const { base_path: base = "", is_default: isDefault = false, ...kinds } = section;
  const start = resolve(dirname(document.file), typeof base === "string" ? expanded(base, environment) : "");
  const folders = Object.entries(kinds).flatMap(([folder, paths]) => {
    if (typeof paths === "string") return directoriesIn(paths, start).map((directory) => ({ folder, directory }));
    const message = `"${folder}" is no path`;
    problems.push({ at: document.placeOf([name, folder]), message, fix: "write a path, or several on lines after |" });
    return [];
  });
  return { isDefault: isDefault === true, folders };
}

function directoriesIn(paths: string, start: string): readonly string[] {
  return paths.split("\n").flatMap((line) => {
    const path = line.trim();
    if (path === "") return [];
    return [isAbsolute(path) ? path : resolve(start, path)];
  });
}

/** `~/x`, `$HOME/x` and `${HOME}/x`; a variable that is not set stays as it is, as in Python. */
function expanded(path: string, environment: Environment): string {
  const home = variableOf(environment, "HOME", "USERPROFILE") ?? homedir();
  return path
    .replace(/^~(?=\/|$)/, () => home)
    .replace(/\$(?:(\w+)|\{(\w+)\})/g, (whole, plain?: string, braced?: string) => {
      return environment[plain ?? braced ?? ""] ?? whole;
    });
}

async function contentOf(file: string): Promise<Uint8Array> {
  try {
    return await readBounded(file, MAX_TEXT_BYTES);
  } catch (error) {
    throw invalid(file, [{ at: file, message: `this cannot be read: ${reasonOf(error)}` }]);
  }
}

function invalid(file: string, problems: readonly Problem[]): Error {
  return problemsError("CONFIG_INVALID", `extra model paths "${file}"`, problems);
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
