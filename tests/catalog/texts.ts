/** What catalogue tests share: folders of files, and errors as the lines that a person sees. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { onTestFinished } from "vitest";
import { isModelsError, type Problem } from "../../src/base/errors.ts";
import { loadCatalog } from "../../src/catalog/load.ts";
import type { Catalog } from "../../src/catalog/model.ts";

/** 64 hex digits that differ by `seed`. */
export const digest = (seed: number): string => seed.toString(16).padStart(64, "a");

/** A new folder with `files` in it, removed when the test ends. */
export async function folderOf(files: Readonly<Record<string, string | Uint8Array>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "modelferry-catalog-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  }
  return folder;
}

const noNetwork = async (url: string): Promise<string> => {
  throw new Error(`no test asked for ${url}`);
};

/** The catalogue of a folder with `manifests/` and `kits/`. */
export async function loadFolder(files: Readonly<Record<string, string | Uint8Array>>): Promise<Catalog> {
  const folder = await folderOf({ "manifests/.keep": "", "kits/.keep": "", ...files });
  const places = { manifests: [join(folder, "manifests")], kits: [join(folder, "kits")] };
  return loadCatalog(places, { fetchText: noNetwork });
}

/** The problems of one manifest's text, as `line:column message | fix`. */
export async function manifestProblems(text: string | Uint8Array, name = "m.yaml"): Promise<readonly string[]> {
  return problemsOf(() => loadFolder({ [`manifests/${name}`]: text }));
}

/** The problems of whatever `run` throws, as `file:line:column message | fix`, with paths as the test wrote them. */
export async function problemsOf(run: () => Promise<unknown>): Promise<readonly string[]> {
  try {
    await run();
    return [];
  } catch (error) {
    if (!isModelsError(error)) throw error;
    return error.problems.map(lineOf);
  }
}

function lineOf({ at, message, fix }: Problem): string {
  const place = at.replace(/^.*modelferry-catalog-[^/]*\//, "");
  const plain = (text: string): string => text.replace(/\/[^ ]*modelferry-catalog-[^/]*\//g, "");
  return `${place} ${plain(message)}${fix === undefined ? "" : ` | ${plain(fix)}`}`;
}

/** A manifest with these entries, each given as the lines of one. */
export function manifest(...entries: readonly string[]): string {
  const lines = entries.map((entry) => `  - ${entry.trim().split("\n").join("\n    ")}\n`);
  return `version: 1\nmodels:${entries.length === 0 ? " []\n" : `\n${lines.join("")}`}`;
}
