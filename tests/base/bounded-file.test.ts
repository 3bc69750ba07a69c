/** Files that are longer than they should be, or than they say. */
import { execFileSync } from "node:child_process";
import { mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readBounded, readBoundedText } from "../../src/base/bounded-file.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "modelferry-bounded-"));
});
afterAll(async () => await rm(folder, { recursive: true, force: true }));

describe("readBounded()", () => {
  it.each([0, 1, 65_535, 65_536, 65_537, 300_000])("gives the whole of a file of %i bytes", async (size) => {
    const bytes = Buffer.alloc(size, "abc");
    await writeFile(join(folder, "file"), bytes);
    expect((await readBounded(join(folder, "file"), 300_000)).equals(bytes)).toBe(true);
  });

  it("refuses a file that is longer, however long it is, before it reads it", async () => {
    await writeFile(join(folder, "long"), "");
    await truncate(join(folder, "long"), 2 ** 40);
    const refusal = `it has ${2 ** 40} bytes, expected at most 1000`;
    await expect(readBounded(join(folder, "long"), 1000)).rejects.toThrow(refusal);
  });

  it("reads what says that it has no bytes, and ends at the limit of what never ends", async () => {
    expect(await readBoundedText("/proc/self/comm", 1000)).not.toBe("");
    await expect(readBounded("/dev/zero", 1_000_000)).rejects.toThrow("it has more than 1000000 bytes");
  });

  it("reads a pipe to its end", async () => {
    const fifo = join(folder, "fifo");
    execFileSync("mkfifo", [fifo]);
    const [text] = await Promise.all([readBoundedText(fifo, 1_000_000), writeFile(fifo, "x".repeat(200_000))]);
    expect(text).toHaveLength(200_000);
  });
});
