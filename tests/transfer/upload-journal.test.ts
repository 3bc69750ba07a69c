/** What an interrupted upload remembers, and what it does not believe. */
import { appendFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Sha256 } from "../../src/base/artifact.ts";
import { openUploadJournal, type UploadSubject } from "../../src/transfer/upload-journal.ts";

const subject: UploadSubject = {
  to: "r2://kits/loras/a.safetensors",
  endpoint: "https://account.r2.cloudflarestorage.com",
  size: 40_000_000,
  sha256: "ab".repeat(32) as Sha256,
  partBytes: 16 * 1024 * 1024,
};
const part = (number: number) => ({ number, size: subject.partBytes, etag: `etag ${number}`, md5: "cd".repeat(16) });
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "modelferry-journal-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function written(name: string): Promise<string> {
  const path = join(folder, "uploads", name);
  await using journal = await openUploadJournal(path, subject);
  await journal.begin("the id");
  await journal.note(part(1));
  await journal.note(part(2));
  return path;
}

describe("openUploadJournal()", () => {
  it("finds the upload and its parts again", async () => {
    const path = await written("again");
    await using journal = await openUploadJournal(path, subject);
    expect(journal.uploadId()).toBe("the id");
    expect([...journal.parts().values()]).toEqual([part(1), part(2)]);
    await journal.remove();
    await expect(readFile(path)).rejects.toMatchObject({ code: "ENOENT" });
  });

  it.each([
    ["another content", { sha256: "cd".repeat(32) as Sha256 }, "the id"],
    ["another size of parts", { partBytes: 17 * 1024 * 1024 }, "the id"],
    ["another account", { endpoint: "https://other.example" }, "the id"],
    ["another key", { to: "r2://kits/other" }, null],
  ])("does not go on with an upload of %s", async (_title, other, stale) => {
    const path = await written("other");
    await using journal = await openUploadJournal(path, { ...subject, ...other });
    expect(journal.uploadId()).toBeNull();
    expect(journal.parts().size).toBe(0);
    expect(journal.stale).toBe(stale);
  });

  it("loses no more than the line that was torn", async () => {
    const path = await written("torn");
    await appendFile(path, '{"number":3,"size":167');
    await using journal = await openUploadJournal(path, subject);
    expect([...journal.parts().keys()]).toEqual([1, 2]);
  });

  it.each([
    ["a number that the file has not", { number: 4 }],
    ["no number", { number: 1e308 }],
    ["a number below one", { number: 0 }],
    ["a size that it cannot have", { size: 5 }],
    ["a negative size", { size: -1 }],
    ["an md5 that is none", { md5: "x" }],
    ["no ETag", { etag: "" }],
    ["an ETag of a megabyte", { etag: "e".repeat(1_000_000) }],
  ])("does not believe a part with %s", async (_title, change) => {
    const path = await written("odd");
    await appendFile(path, `${JSON.stringify({ ...part(2), ...change })}\n`);
    await using journal = await openUploadJournal(path, subject);
    expect([...journal.parts().values()]).toEqual([part(1), part(2)]);
  });

  it("passes over a megabyte of line ends in no time", async () => {
    const path = await written("lines");
    await appendFile(path, "\n".repeat(1_000_000));
    const started = performance.now();
    await using journal = await openUploadJournal(path, subject);
    expect(journal.parts().size).toBe(2);
    expect(performance.now() - started).toBeLessThan(3000);
  });

  it("takes the last part, which is shorter", async () => {
    const path = await written("last");
    const last = { ...part(3), size: subject.size - 2 * subject.partBytes };
    await appendFile(path, `${JSON.stringify(last)}\n`);
    await using journal = await openUploadJournal(path, subject);
    expect(journal.parts().get(3)).toEqual(last);
  });

  it("never fails for what the file holds", async () => {
    const path = join(folder, "garbage");
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.string(),
          fc.json(),
          fc.array(fc.json()).map((lines) => lines.join("\n")),
        ),
        async (text) => {
          await writeFile(path, text);
          await using journal = await openUploadJournal(path, subject);
          expect(journal.uploadId()).toBeNull();
        },
      ),
      { numRuns: 50 },
    );
  });
});
