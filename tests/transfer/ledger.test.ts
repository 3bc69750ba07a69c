import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { createLedger } from "../../src/transfer/ledger.ts";
import { openPartial } from "../../src/transfer/partial-file.ts";

const MIB = 1024 * 1024;

/** Enters the front of a sparse file at a moment that never passes, and gives what the journal holds in the end. */
async function journalAfter(bytes: number): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "modelferry-ledger-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const paths = { content: join(folder, "x.part"), journal: join(folder, "x.journal") };
  {
    await using partial = await openPartial(paths, { size: 100 * MIB, sha256: null });
    const onError = (error: unknown): void => expect.fail(String(error));
    const ledger = createLedger(partial, { size: 100 * MIB, clock: { monotonicMs: () => 0 }, onError });
    for (let start = 0; start < bytes; start += MIB) {
      ledger.enter([{ mirror: "a", range: { start, end: start + MIB } }]);
    }
  }
  return await readFile(paths.journal, "utf8");
}

it("makes the first bytes of a fast link durable before a second has passed", async () => {
  expect(await journalAfter(64 * MIB)).toContain(`"done",${63 * MIB},${64 * MIB}`);
});

it("lets a slow link's second pass before it bothers the disk", async () => {
  expect(await journalAfter(63 * MIB)).not.toContain('"done"');
});
