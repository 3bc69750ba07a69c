import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { ByteRange } from "../../src/base/range.ts";
import { createDigest, type Digest } from "../../src/digest/digest.ts";
import { createPieceCheck, type Pieces, type Sent } from "../../src/transfer/piece-check.ts";

const SIZE = 2_500;
const PIECE = 1_000;
const right = Buffer.from(Uint8Array.from({ length: SIZE }, (_, index) => (index * 31) >>> 3));
const whole: ByteRange = { start: 0, end: SIZE };
let folder: string;
let path: string;
let digest: Digest;
let pieces: Pieces;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "modelferry-pieces-"));
  path = join(folder, "x.part");
  digest = createDigest();
  await writeFile(path, right);
  const starts = [0, 1_000, 2_000];
  const xxh64 = await Promise.all(
    starts.map((start) => digest.xxh64Range(path, { start, end: Math.min(SIZE, start + PIECE) })),
  );
  pieces = { pieceBytes: PIECE, xxh64 };
});
afterEach(() => writeFile(path, right));
afterAll(async () => {
  await digest.close();
  await rm(folder, { recursive: true, force: true });
});

/** Puts wrong bytes into the file at each of `places`. */
async function harm(...places: readonly number[]): Promise<void> {
  const wrong = Buffer.from(right);
  for (const at of places) wrong[at] = (wrong[at] ?? 0) ^ 255;
  await writeFile(path, wrong);
}

function rig(sent: readonly Sent[] = [{ source: "a", range: whole }], from: Pick<Digest, "xxh64Range"> = digest) {
  const told: string[] = [];
  const within = (range: ByteRange): readonly Sent[] =>
    sent
      .map(({ source, range: { start, end } }) => ({
        source,
        range: { start: Math.max(start, range.start), end: Math.min(end, range.end) },
      }))
      .filter(({ range: { start, end } }) => end > start);
  const check = createPieceCheck(pieces, from, {
    path,
    size: SIZE,
    sentIn: within,
    onBad: ({ start, end }, sources) => told.push(`bad ${start}-${end} of ${sources.join("+")}`),
    onLiar: (source, { start, end }) => told.push(`liar ${source} ${start}-${end}`),
    onError: (error) => told.push(`error ${(error as Error).message}`),
  });
  return { check, told };
}

describe("createPieceCheck()", () => {
  it("passes what is right, the short last piece too", async () => {
    const { check, told } = rig();
    check.look([whole]);
    await check.settled();
    expect(check.passed()).toEqual([whole]);
    expect(told).toEqual([]);
  });

  it("waits for a piece to be whole", async () => {
    const { check } = rig();
    check.look([
      { start: 0, end: 1_999 },
      { start: 2_001, end: SIZE },
    ]);
    await check.settled();
    expect(check.passed()).toEqual([{ start: 0, end: 1_000 }]);
  });

  it("tells of a wrong piece once, with who sent it", async () => {
    await harm(1_500);
    const { check, told } = rig();
    for (let looks = 0; looks < 3; looks += 1) {
      check.look([whole]);
      await check.settled();
    }
    expect(told).toEqual(["bad 1000-2000 of a"]);
    expect(check.passed()).toEqual([
      { start: 0, end: 1_000 },
      { start: 2_000, end: SIZE },
    ]);
  });

  it("looks again at what was forgotten, and lets nothing of it pass meanwhile", async () => {
    const { check, told } = rig();
    check.look([whole]);
    await check.settled();
    check.forget({ start: 1_200, end: 1_300 });
    expect(check.passed()).toEqual([
      { start: 0, end: 1_000 },
      { start: 2_000, end: SIZE },
    ]);
    await harm(1_250);
    check.look([whole]);
    await check.settled();
    expect(told).toEqual(["bad 1000-2000 of a"]);
  });

  it("what was forgotten while it was read does not count", async () => {
    const { check, told } = rig();
    check.look([whole]);
    check.forget(whole);
    await check.settled();
    expect(check.passed()).toEqual([]);
    expect(told).toEqual([]);
  });

  it("finds which of two senders lied, when the piece is right at last", async () => {
    await harm(1_800);
    const sent = [
      { source: "a", range: { start: 0, end: 1_500 } },
      { source: "b", range: { start: 1_500, end: SIZE } },
    ];
    const { check, told } = rig(sent);
    check.look([whole]);
    await check.settled();
    expect(told).toEqual(["bad 1000-2000 of a+b"]);
    await writeFile(path, right);
    check.forget({ start: 1_000, end: 2_000 });
    check.look([whole]);
    await check.settled();
    expect(told).toEqual(["bad 1000-2000 of a+b", "liar b 1500-2000"]);
  });

  it("takes a few at a time", async () => {
    let most = 0;
    let underWay = 0;
    const many = { pieceBytes: 10, xxh64: Array.from({ length: SIZE / 10 }, () => "right") };
    const xxh64Range = async (): Promise<string> => {
      underWay += 1;
      most = Math.max(most, underWay);
      await new Promise((resolve) => setImmediate(resolve));
      underWay -= 1;
      return "right";
    };
    const fail = (): void => expect.unreachable();
    const check = createPieceCheck(
      many,
      { xxh64Range },
      { path, size: SIZE, sentIn: () => [], onBad: fail, onLiar: fail, onError: fail },
    );
    check.look([whole]);
    await check.settled();
    expect(check.passed()).toEqual([whole]);
    expect(most).toBe(4);
  });

  it("tells of a disk that cannot be read, and is silent after stop()", async () => {
    const broken = { xxh64Range: async (): Promise<string> => Promise.reject(new Error("EIO")) };
    const { check, told } = rig([], broken);
    check.look([{ start: 0, end: 1_000 }]);
    await check.settled();
    expect(told).toEqual(["error EIO"]);
    const stopped = rig();
    stopped.check.look([whole]);
    stopped.check.stop();
    await stopped.check.settled();
    stopped.check.look([whole]);
    expect([stopped.told, stopped.check.passed()]).toEqual([[], []]);
  });
});
