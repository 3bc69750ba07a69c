import { mkdtemp, open, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { preallocate } from "../../src/transfer/preallocate.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "modelferry-preallocate-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function reserve(size: number, name = "x"): Promise<{ readonly size: number }> {
  const path = join(folder, name);
  await using file = await open(path, "wx+");
  await preallocate(file.fd, path, size);
  return await stat(path);
}

describe("preallocate()", () => {
  it.each([0, 1, 4096, 5_000_001, 20_000_001])("makes a file of %i bytes", async (size) => {
    expect((await reserve(size)).size).toBe(size);
  });

  it("takes names that look like options, blanks and quotes", async () => {
    expect((await reserve(20_000_000, "-l 5 'x\" $(y)")).size).toBe(20_000_000);
  });

  it("refuses at once what the file system cannot hold, and says what helps", async () => {
    await expect(reserve(2 ** 53 - 1)).rejects.toMatchObject({
      code: "DISK_FAILED",
      fix: expect.stringContaining("--root"),
    });
  });
});
