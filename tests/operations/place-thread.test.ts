import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseSha256 } from "../../src/base/artifact.ts";
import { parseTreePath } from "../../src/base/paths.ts";
import { openPlaceThread } from "../../src/operations/place-thread.ts";

describe("openPlaceThread()", () => {
  it("keeps nobody waiting for a thread that has ended", async () => {
    const root = await mkdtemp(join(tmpdir(), "modelferry-place-"));
    const bytes = Buffer.from("bytes");
    const sha256 = parseSha256(createHash("sha256").update(bytes).digest("hex"));
    const file = {
      bytes,
      partial: join(root, "partial"),
      wanted: { name: "it", path: parseTreePath("loras/it.bin"), aliases: [], size: bytes.length, sha256 },
      origin: { mirrors: [], how: "fetched", replace: true },
    } as const;
    const thread = openPlaceThread(root);
    await thread[Symbol.asyncDispose]();
    await expect(thread.placeWhole(file)).rejects.toMatchObject({ code: "DISK_FAILED" });
    await rm(root, { recursive: true });
  });
});
