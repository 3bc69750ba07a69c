/** A small file that came whole with a mirror's first answer: proven in memory, then written in one go. */
import { createHash } from "node:crypto";
import { closeSync, mkdirSync, write } from "node:fs";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { openFile, unlinkIfThere } from "../base/descriptors.ts";
import type { MirrorShare, Report } from "../base/events.ts";
import type { Mirror } from "../base/mirror.ts";
import type { FetchJob, FetchResult } from "./fetch-job.ts";
import { headerReaderFor } from "./header-check.ts";
import { diskProblem } from "./partial-file.ts";

const writeAt = promisify(write);

export type WholeJob = Omit<FetchJob, "pieces" | "priority">;

/**
 * Writes what a mirror of `job` sent already into the partial; null when none sent all of it, or what came is not what
 * is wanted: then ranges are fetched, which also finds out who is to blame. Needs no journal: there is nothing to resume.
 * Its sha256 is proven on return, but it is not durable yet.
 * @throws ModelsError `DISK_FULL`, `DISK_FAILED`; or the signal's reason
 */
export async function keepWhole(job: WholeJob, report: Report): Promise<FetchResult | null> {
  const { model, path, size, sha256, partial } = job;
  const senders = job.mirrors.filter(({ whole }) => whole?.length === size);
  const mirror = senders.find((one) => isWanted(one, job));
  if (mirror?.whole == null || sha256 === null) return null;
  const liars = senders.slice(0, senders.indexOf(mirror));
  job.signal.throwIfAborted();
  report({ kind: "file-started", model, path, size, resumedBytes: 0 });
  try {
    await writeWhole(partial.content, mirror.whole);
  } catch (error) {
    throw diskProblem(partial.content, error);
  }
  for (const { label } of liars) {
    report({ kind: "mirror-dropped", model, mirror: label, code: "MIRROR_LIED", message: "it sent wrong bytes" });
  }
  const shareOf = ({ label }: Mirror): MirrorShare => ({ label, bytes: size, bytesPerSecond: 0, errors: 0 });
  const shares = [shareOf(mirror), ...liars.map((liar) => ({ ...shareOf(liar), errors: 1 }))];
  const moved = { shares, fetchedBytes: size * shares.length, wastedBytes: size * liars.length };
  job.onMoved(moved);
  return { ...moved, sha256, resumedBytes: 0 };
}

function isWanted({ whole }: Mirror, { path, size, sha256 }: WholeJob): boolean {
  if (whole === null) return false;
  if (createHash("sha256").update(whole).digest("hex") !== sha256) return false;
  return headerReaderFor(path)?.(whole, size).kind !== "bad";
}

async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  mkdirSync(dirname(path), { recursive: true });
  await unlinkIfThere(path);
  const file = await openFile(path, "wx", 0o644);
  try {
    await writeAll(file, bytes);
  } finally {
    closeSync(file);
  }
}

/** A disk that gets full takes a part, and says so at the next write only. */
async function writeAll(file: number, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesWritten } = await writeAt(file, bytes, at, bytes.length - at, at);
    at += bytesWritten;
  }
}
