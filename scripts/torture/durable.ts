/** What the journals of a world prove to be on the disk, and whether a later process went on from there. */
import { existsSync, readFileSync } from "node:fs";
import { bootIdentity } from "../../src/base/process.ts";
import { rangeBytes } from "../../src/base/range.ts";
import { parseJournal } from "../../src/transfer/journal.ts";
import type { WantedFile } from "./box.ts";
import type { Complaint } from "./judge.ts";

/** Bytes of `file` that are safe now: all of them once it has its name, else what its journal says. */
export function durableBytes({ path, partial, size, sha256 }: WantedFile): number {
  if (existsSync(path)) return size;
  const text = existsSync(partial.journal) && existsSync(partial.content) ? readText(partial.journal) : "";
  const known = parseJournal(text, { size, sha256 }, bootIdentity());
  return known === null ? 0 : rangeBytes(known.done);
}

/** The file may get its name at this very moment. */
function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

export interface DurableRecord {
  /** Reads every journal. */
  readonly note: () => void;
  /** A process began `name` at the wall time `time` with so many bytes: at least as many as were noted before. */
  readonly began: (name: string, resumedBytes: number, time: number) => readonly Complaint[];
}

export function createDurableRecord(files: readonly WantedFile[]): DurableRecord {
  const noted = new Map<string, { readonly bytes: number; readonly time: number }>();
  return {
    note: () => {
      for (const file of files) noted.set(file.name, { bytes: durableBytes(file), time: Date.now() });
    },
    began: (name, resumedBytes, time) => {
      const before = noted.get(name);
      if (before === undefined || time <= before.time || resumedBytes >= before.bytes) return [];
      return [{ kind: "lost", message: `${name} goes on from ${resumedBytes} bytes, ${before.bytes} were durable` }];
    },
  };
}
