import { existsSync, writeSync } from "node:fs";
import { appendFile, mkdir, mkdtemp, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseSha256 } from "../../src/base/artifact.ts";
import { formatJournalHead, type JournalEntry } from "../../src/transfer/journal.ts";
import { diskProblem, openPartial, type PartialPaths } from "../../src/transfer/partial-file.ts";

const SUBJECT = { size: 1000, sha256: parseSha256("ab".repeat(32)) };
const entry = (start: number, end: number, mirror = "a"): JournalEntry => ({ mirror, range: { start, end } });
let folder: string;
let paths: PartialPaths;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "modelferry-partial-"));
  paths = { content: join(folder, "deep", "x.part"), journal: join(folder, "deep", "x.journal") };
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** One run that writes and notes as it is told. */
async function run(
  work: (partial: Awaited<ReturnType<typeof openPartial>>) => Promise<unknown>,
  subject = SUBJECT,
): Promise<void> {
  await using partial = await openPartial(paths, subject);
  await work(partial);
}

async function resumed(
  subject: { size: number; sha256: typeof SUBJECT.sha256 | null } = SUBJECT,
): Promise<Record<string, unknown>> {
  await using partial = await openPartial(paths, subject);
  return Object.fromEntries(partial.resumed);
}

describe("openPartial()", () => {
  it("begins a fresh file of the whole length, in folders that it makes", async () => {
    expect(await resumed()).toEqual({});
    expect((await stat(paths.content)).size).toBe(1000);
    expect(await readFile(paths.journal, "utf8")).toBe(formatJournalHead(SUBJECT));
  });

  it("resumes what was committed, by mirror, with its bytes", async () => {
    await run(async (partial) => {
      writeSync(partial.descriptor, "hello", 5);
      await partial.commit([entry(5, 10), entry(20, 30, "b")]);
    });
    expect(await resumed()).toEqual({ a: [{ start: 5, end: 10 }], b: [{ start: 20, end: 30 }] });
    expect((await readFile(paths.content)).subarray(5, 10).toString()).toBe("hello");
  });

  it("resumes what was only noted, while the same kernel runs", async () => {
    await run((partial) => partial.note([entry(5, 10)]));
    expect(await resumed()).toEqual({ a: [{ start: 5, end: 10 }] });
    // The fresh journal calls it durable.
    expect(await readFile(paths.journal, "utf8")).toContain('"done",5,10');
  });

  it("keeps the journal short, however many moments a slow link takes", async () => {
    const size = 40_000;
    await run(
      async (partial) => {
        await partial.commit([entry(0, 10, "early")]);
        for (let at = 10; at < size; at += 10) {
          await partial.note([entry(at, at + 10, `https://models.example.net/${"long/".repeat(60)}x`)]);
        }
        expect((await stat(paths.journal)).size).toBeLessThan(1_200_000);
      },
      { ...SUBJECT, size },
    );
    expect(Object.values(await resumed({ ...SUBJECT, size }))).toEqual([
      [{ start: 0, end: 10 }],
      [{ start: 10, end: size }],
    ]);
  });

  it("forgets what was spoiled, and keeps the rest", async () => {
    await run(async (partial) => {
      await partial.commit([entry(0, 100)]);
      await partial.spoil([{ start: 10, end: 20 }]);
    });
    expect(await resumed()).toEqual({
      a: [
        { start: 0, end: 10 },
        { start: 20, end: 100 },
      ],
    });
  });

  it("a commit that began before a spoil does not claim the range after it", async () => {
    await run(async (partial) => {
      const all = [
        partial.note([entry(0, 100)]),
        partial.commit([entry(0, 100)]),
        partial.spoil([{ start: 0, end: 100 }]),
      ];
      await Promise.all(all);
    });
    expect(await resumed()).toEqual({});
  });

  it("an empty commit waits for the one before", async () => {
    await run(async (partial) => {
      const first = partial.commit([entry(0, 5)]);
      let isFirstDone = false;
      void first.then(() => {
        isFirstDone = true;
      });
      await partial.commit([]);
      expect(isFirstDone).toBe(true);
    });
  });

  it("waits at its end for what was not awaited", async () => {
    await run(async (partial) => {
      for (let start = 0; start < 100; start += 10) void partial.commit([entry(start, start + 10)]);
    });
    expect(await resumed()).toEqual({ a: [{ start: 0, end: 100 }] });
  });

  it("the journal does not grow from run to run", async () => {
    await run((partial) => partial.commit([entry(0, 5), entry(5, 10), entry(10, 20)]));
    await resumed();
    const { size } = await stat(paths.journal);
    for (let runs = 0; runs < 3; runs += 1) await resumed();
    expect((await stat(paths.journal)).size).toBe(size);
  });

  it.each<readonly [string, () => Promise<unknown>]>([
    ["the content has another length", () => truncate(paths.content, 999)],
    ["the content is missing", () => rm(paths.content)],
    ["the journal is missing", () => rm(paths.journal)],
    ["the journal is garbage", () => writeFile(paths.journal, "garbage\n\0")],
    ["the journal is of another file", () => writeFile(paths.journal, formatJournalHead({ ...SUBJECT, size: 7 }))],
  ])("starts over when %s", async (_, harm) => {
    await run((partial) => partial.commit([entry(0, 500)]));
    await harm();
    expect(await resumed()).toEqual({});
    expect((await stat(paths.content)).size).toBe(1000);
  });

  it("starts over for another artifact, and finds nothing of it when the first one comes again", async () => {
    await run((partial) => partial.commit([entry(0, 500)]));
    expect(await resumed({ ...SUBJECT, sha256: null })).toEqual({});
    expect(await resumed()).toEqual({});
  });

  it("reads past a torn end, and what comes after it is not glued to it", async () => {
    await run((partial) => partial.commit([entry(0, 500)]));
    await appendFile(paths.journal, '0123456789ab ["done",500,6');
    await run((partial) => partial.commit([entry(600, 700)]));
    expect(await resumed()).toEqual({
      a: [
        { start: 0, end: 500 },
        { start: 600, end: 700 },
      ],
    });
  });

  it("discard() leaves nothing behind", async () => {
    await run(async (partial) => {
      await partial.commit([entry(0, 500)]);
      partial.discard();
    });
    expect([existsSync(paths.content), existsSync(paths.journal)]).toEqual([false, false]);
  });

  it("takes a file without a byte", async () => {
    expect(await resumed({ size: 0, sha256: null })).toEqual({});
    expect((await stat(paths.content)).size).toBe(0);
  });

  it("throws DISK_FAILED where a folder cannot be", async () => {
    await writeFile(join(folder, "deep"), "a file");
    await expect(openPartial(paths, SUBJECT)).rejects.toMatchObject({ code: "DISK_FAILED" });
  });

  it("throws DISK_FAILED where the content is a folder", async () => {
    await mkdir(paths.content, { recursive: true });
    await expect(openPartial(paths, SUBJECT)).rejects.toMatchObject({ code: "DISK_FAILED" });
  });

  it("a write after the disk was taken away fails for its caller alone", async () => {
    await using partial = await openPartial(paths, SUBJECT);
    await partial.commit([entry(0, 5)]);
    await rm(paths.content);
    await expect(partial.commit([entry(5, 10)])).resolves.toBeUndefined();
  });
});

describe("diskProblem()", () => {
  it.each([
    ["ENOSPC", "DISK_FULL"],
    ["EDQUOT", "DISK_FULL"],
    ["EIO", "DISK_FAILED"],
    ["EROFS", "DISK_FAILED"],
  ])("says %s as %s", (errno, code) => {
    expect(diskProblem("/x", Object.assign(new Error(errno), { code: errno }))).toMatchObject({ code });
  });

  it("passes on what has a name already", () => {
    const known = diskProblem("/x", Object.assign(new Error("full"), { code: "ENOSPC" }));
    expect(diskProblem("/y", known)).toBe(known);
  });
});
