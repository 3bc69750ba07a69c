/** Piece tables at work in a sync: the one beside an object is found, blames at once, and cannot do harm. */
import { describe, expect, it } from "vitest";
import { formatPieceTable } from "../../src/catalog/pieces.ts";
import { bytesOf, covers, flip, startBucket, startRangeServer } from "../origins/index.ts";
import { makeBox, weights } from "./box.ts";
import { pieceTableOf } from "./piece-table.ts";

const MB = 1024 * 1024;
const SIZE = 40 * MB;
const OFFSET = 20 * MB;

describe("findPieces()", () => {
  it("finds the table beside an object of a bucket, so that a liar is named by its piece", async () => {
    const { content, figures } = await weights("beside", SIZE);
    await using bucket = await startBucket({ objects: { "loras/box-a.safetensors": content } });
    bucket.put("loras/box-a.safetensors.pieces", Buffer.from(formatPieceTable(await pieceTableOf(content))));
    await using liar = await startRangeServer({ "/a.safetensors": content }, { host: "127.0.0.2" });
    liar.faults.add(covers(OFFSET), flip(OFFSET));
    await using box = await makeBox({ R2_PUBLIC_URL: bucket.url });
    const sources = [`${liar.url}/a.safetensors`, "r2://kits/loras/box-a.safetensors"];
    bucket.setShape({ bytesPerSecond: 2 * MB });
    await box.catalogue([{ name: "box-a", ...figures, sources }]);
    const { events, error } = await box.sync();
    expect(error).toBeNull();
    expect((await box.read("loras/box-a.safetensors")).equals(await bytesOf(content))).toBe(true);
    const blamed = events.filter((event) => event.kind === "mirror-dropped" && event.code === "MIRROR_LIED");
    for (const event of blamed) expect(event).toMatchObject({ mirror: expect.stringContaining("127.0.0.2") });
    expect(bucket.requests.some(({ url }) => url.endsWith("box-a.safetensors.pieces"))).toBe(true);
  });

  it("does not fail for a table beside an object that is of other bytes", async () => {
    const { content, figures } = await weights("wrong table", SIZE);
    const table = await pieceTableOf(content);
    const wrong = { ...table, xxh64: table.xxh64.map(() => "0123456789abcdef") };
    await using bucket = await startBucket({ objects: { "loras/box-a.safetensors": content } });
    bucket.put("loras/box-a.safetensors.pieces", Buffer.from(formatPieceTable(wrong)));
    await using box = await makeBox({ R2_PUBLIC_URL: bucket.url });
    await box.catalogue([{ name: "box-a", ...figures, sources: ["r2://kits/loras/box-a.safetensors"] }]);
    const { error } = await box.sync();
    expect(error).toBeNull();
    expect((await box.read("loras/box-a.safetensors")).equals(await bytesOf(content))).toBe(true);
  });

  it("asks for no table of a file that has one piece", async () => {
    const { content, figures } = await weights("small", MB);
    await using bucket = await startBucket({ objects: { "loras/box-a.safetensors": content } });
    await using box = await makeBox({ R2_PUBLIC_URL: bucket.url });
    await box.catalogue([{ name: "box-a", ...figures, sources: ["r2://kits/loras/box-a.safetensors"] }]);
    expect((await box.sync()).error).toBeNull();
    expect(bucket.requests.some(({ url }) => url.endsWith(".pieces"))).toBe(false);
  });
});
