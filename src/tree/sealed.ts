/** How a small state file is written whole and read only when it is whole: JSON with its own digest behind it. */
import { hash } from "node:crypto";
import { closeSync, writeFileSync } from "node:fs";
import { rename } from "node:fs/promises";
import { basename } from "node:path";
import type { Clock } from "../base/clock.ts";
import { openFile, syncFile } from "../base/descriptors.ts";
import { diskError } from "../base/disk-error.ts";
import { errnoOf, readSmallFile, removeFile } from "./disk.ts";
import { holdFolder } from "./folder.ts";
import type { Layout } from "./layout.ts";

/** Any JSON object whose fields are not known yet. */
export type Fields = Readonly<Record<string, unknown>>;

/** True for a whole number that is written as text, because JSON's own numbers are too short for it. */
export function isInteger(value: unknown): value is string {
  return typeof value === "string" && /^-?\d{1,20}$/.test(value);
}

/** `content` as one line of JSON, sealed. */
export function seal(content: Fields): string {
  const body = JSON.stringify(content);
  return `{"content":${body},"seal":"${sealOf(body)}"}\n`;
}

/** What {@link seal} was given, or null when `text` is anything else. Never throws. */
export function unseal(text: string): Fields | null {
  const match = /^\{"content":(\{.*\}),"seal":"([0-9a-f]{16})"\}\n$/s.exec(text);
  if (match === null || match[1] === undefined || sealOf(match[1]) !== match[2]) return null;
  try {
    return JSON.parse(match[1]) as Fields;
  } catch {
    return null;
  }
}

function sealOf(body: string): string {
  return hash("sha256", body).slice(0, 16);
}

/** Reads a state file of at most `maxBytes`; null when it is absent, torn or not ours. */
export async function readSealed(path: string, maxBytes: number): Promise<Fields | null> {
  const text = await readSmallFile(path, maxBytes);
  return text === null ? null : unseal(text);
}

/**
 * Writes the state file at `path` durably. One that is there is replaced in one step; a new one is torn, and so reads as
 * none, until it is whole.
 * @throws ModelsError `DISK_FULL`, `DISK_FAILED`, `PATH_UNSAFE`, `TREE_CONFLICT`
 */
export async function writeSealed(
  parts: { readonly layout: Layout; readonly clock: Clock },
  path: string,
  content: Fields,
): Promise<void> {
  const { layout, clock } = parts;
  using folder = await holdFolder(layout.root, layout.folderOf(path));
  const target = folder.path(basename(path));
  const text = seal(content);
  try {
    if (!(await writeNew(target, text))) {
      const temporary = layout.temporaryOf(clock.unique());
      using scratch = await holdFolder(layout.root, layout.folderOf(temporary));
      await replace(target, scratch.path(basename(temporary)), text);
    }
    await folder.sync();
  } catch (error) {
    throw diskError("write", path, error);
  }
}

/**
 * Writes the state file at `path` durably, where there is none; false where there is one, whatever it holds.
 * @throws ModelsError as {@link writeSealed}
 */
export async function createSealed(
  { layout }: { readonly layout: Layout },
  path: string,
  content: Fields,
): Promise<boolean> {
  using folder = await holdFolder(layout.root, layout.folderOf(path));
  try {
    const isNew = await writeNew(folder.path(basename(path)), seal(content));
    if (isNew) await folder.sync();
    return isNew;
  } catch (error) {
    throw diskError("write", path, error);
  }
}

async function replace(path: string, temporary: string, text: string): Promise<void> {
  try {
    await writeNew(temporary, text);
    await rename(temporary, path);
  } catch (error) {
    await removeFile(temporary).catch(() => undefined);
    throw error;
  }
}

/** False when there is one already. What cannot be written whole is removed again. */
async function writeNew(path: string, text: string): Promise<boolean> {
  const file = await openFile(path, "wx").catch((error: unknown) => {
    if (errnoOf(error) === "EEXIST") return null;
    throw error;
  });
  if (file === null) return false;
  try {
    writeFileSync(file, text);
    await syncFile(file);
    return true;
  } catch (error) {
    await removeFile(path).catch(() => undefined);
    throw error;
  } finally {
    closeSync(file);
  }
}
