/** Which manifest file a model's entry is written to. */
import { stat } from "node:fs/promises";
import { join, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { ModelsError } from "../base/errors.ts";
import type { Model } from "../catalog/model.ts";

/** New entries of a folder go into this file. */
const NEW_ENTRIES = "added.yaml";

/**
 * The file: the one that was asked for, else the one that has the entry, else the last folder or file of manifests.
 * What came with an installed package is never written to: the next update would take it back.
 * @param entry the catalogue's model of this name, or null for a new one
 * @throws ModelsError `USAGE` when there is no such file
 */
export async function manifestTarget(
  entry: Pick<Model, "name" | "at"> | null,
  asked: string | undefined,
  places: readonly string[],
): Promise<string> {
  if (asked !== undefined) return asked;
  const own = entry === null ? null : fileOf(entry.at);
  if (own !== null && isOurs(own)) return own;
  const last = places
    .map(localPath)
    .filter((path) => path !== null && isOurs(path))
    .at(-1);
  if (last !== undefined && last !== null) {
    const isFolder = !/\.(?:ya?ml|json)$/i.test(last) || (await stat(last).catch(() => null))?.isDirectory() === true;
    return isFolder ? join(last, NEW_ENTRIES) : last;
  }
  const subject = entry === null ? "the entry" : `the entry of "${entry.name}"`;
  throw new ModelsError("USAGE", `Cannot write ${subject}: no manifest of your own is configured`, {
    fix: "name one with --manifest FILE, and list it under manifests in models.config.yaml",
  });
}

/** The file of `file:line:column`, or null for one that is not on this box. */
function fileOf(at: string): string | null {
  const file = /^(.*):\d+:\d+$/s.exec(at)?.[1] ?? null;
  return file === null ? null : localPath(file);
}

function localPath(place: string): string | null {
  if (/^file:/i.test(place)) return fileURLToPath(place);
  return /^[a-z][a-z0-9+.-]+:\/\//i.test(place) ? null : place;
}

function isOurs(path: string): boolean {
  return !path.split(sep).includes("node_modules");
}
