/** Replaces a small text file so that every reader, also after a power cut, sees the old text or the new one. */
import { type FileHandle, open, readdir, readFile, realpath, rename, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { systemClock } from "../base/clock.ts";
import { diskError } from "../base/disk-error.ts";
import { isProcessGone, processName } from "../base/process.ts";

/**
 * Writes `text` beside `path`, makes it durable and gives it the name. A file that already says so is left alone.
 * @throws ModelsError `DISK_FAILED`, `DISK_FULL`
 */
export async function writeAtomic(path: string, text: string): Promise<void> {
  try {
    const target = await realpath(path).catch(() => path);
    if ((await readFile(target, "utf8").catch(() => null)) !== text) await replace(target, text);
  } catch (error) {
    throw diskError("write", path, error);
  }
}

async function replace(target: string, text: string): Promise<void> {
  const folder = dirname(target);
  const temporary = join(folder, `.${basename(target)}.${processName()}.${systemClock.unique()}.tmp`);
  try {
    await withFile(temporary, "wx", async (file) => {
      await file.writeFile(text);
      await file.sync();
    });
    await rename(temporary, target);
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    throw error;
  }
  await withFile(folder, "r", (file) => file.sync());
}

/** Removes what processes left beside `path` that were killed while they wrote it. What cannot be removed does no harm. */
export async function sweepBeside(path: string): Promise<void> {
  const target = await realpath(path).catch(() => path);
  const folder = dirname(target);
  const before = `.${basename(target)}.`;
  const names: readonly string[] = await readdir(folder).catch(() => []);
  for (const name of names) {
    const [maker = "", unique, ending, ...rest] = name.startsWith(before) ? name.slice(before.length).split(".") : [];
    const isOurs = unique !== undefined && ending === "tmp" && rest.length === 0;
    if (isOurs && isProcessGone(maker) === true) await unlink(join(folder, name)).catch(() => undefined);
  }
}

async function withFile(path: string, flags: string, run: (file: FileHandle) => Promise<void>): Promise<void> {
  const file = await open(path, flags);
  try {
    await run(file);
  } finally {
    await file.close();
  }
}
