/** The journal of a file that was whole once: all of it is there, and nothing of it is believed before its digest. */
import { closeSync } from "node:fs";
import { dirname } from "node:path";
import type { Artifact } from "../base/artifact.ts";
import { formatJournalEntries } from "./journal.ts";
import { diskProblem, rewriteJournal } from "./partial-file.ts";

/** Who is said to have sent the bytes. */
const THIS_BOX = "this box";

/** Writes it, durably, before its content lies beside it. @throws ModelsError `DISK_FULL`, `DISK_FAILED` */
export async function writeSalvageJournal(path: string, { size, sha256 }: Artifact): Promise<void> {
  try {
    const lines = formatJournalEntries([{ mirror: THIS_BOX, range: { start: 0, end: size } }]);
    closeSync(await rewriteJournal(path, { size, sha256 }, lines));
  } catch (error) {
    throw diskProblem(dirname(path), error);
  }
}
