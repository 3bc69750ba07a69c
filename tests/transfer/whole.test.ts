/** Small files that came with their mirror's first answer: only what is proven is kept. */
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseSha256 } from "../../src/base/artifact.ts";
import type { EventBody } from "../../src/base/events.ts";
import type { Moved } from "../../src/transfer/fetch-job.ts";
import { keepWhole, type WholeJob } from "../../src/transfer/whole.ts";
import { makeSafetensors, sha256Of } from "../origins/index.ts";
import { mirrorAt } from "./harness.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "modelferry-whole-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function rig(more: { readonly sent?: Uint8Array | null; readonly bytes?: Uint8Array } = {}) {
  const bytes = more.bytes ?? Buffer.from(await makeSafetensors({ size: 100_000 }).read(0, 100_000));
  const events: EventBody[] = [];
  const moved: Moved[] = [];
  const partial = { content: join(folder, "partial", "x.part"), journal: join(folder, "partial", "x.journal") };
  const far = mirrorAt("http://far/x", bytes.length, { label: "far" });
  const near = { ...mirrorAt("http://near/x", bytes.length, { label: "near" }), whole: more.sent ?? bytes };
  const job: WholeJob = {
    model: "x",
    path: "vae/x.safetensors",
    size: bytes.length,
    sha256: parseSha256(await sha256Of(bytes)),
    mirrors: [far, more.sent === null ? far : near],
    partial,
    signal: new AbortController().signal,
    onMoved: (one) => moved.push(one),
  };
  return { bytes, job, partial, events, moved, report: (event: EventBody) => void events.push(event) };
}

describe("keepWhole()", () => {
  it("writes what a mirror sent, counts it as that mirror's, and leaves no journal", async () => {
    const { bytes, job, partial, events, moved, report } = await rig();
    const share = { label: "near", bytes: bytes.length, bytesPerSecond: 0, errors: 0 };
    const result = await keepWhole(job, report);
    expect(result).toMatchObject({ sha256: job.sha256, fetchedBytes: bytes.length, wastedBytes: 0, shares: [share] });
    expect(moved).toMatchObject([{ fetchedBytes: bytes.length, shares: [share] }]);
    expect(events).toMatchObject([{ kind: "file-started", model: "x", size: bytes.length, resumedBytes: 0 }]);
    expect(await readFile(partial.content)).toEqual(bytes);
    expect(existsSync(partial.journal)).toBe(false);
  });

  it("replaces what an earlier run left", async () => {
    const { bytes, job, partial, report } = await rig();
    await keepWhole(job, report);
    await writeFile(partial.content, Buffer.alloc(bytes.length + 10));
    await keepWhole(job, report);
    expect(await readFile(partial.content)).toEqual(bytes);
  });

  it("keeps nothing when no mirror sent all of it", async () => {
    const { job, partial, events, moved, report } = await rig({ sent: null });
    expect(await keepWhole(job, report)).toBeNull();
    expect([existsSync(partial.content), events, moved]).toEqual([false, [], []]);
  });

  it.each([
    ["other bytes", Buffer.alloc(100_000)],
    ["fewer bytes", Buffer.alloc(99_999)],
  ])("keeps nothing of %s", async (_, sent) => {
    const { job, partial, moved, report } = await rig({ sent });
    expect(await keepWhole(job, report)).toBeNull();
    expect([existsSync(partial.content), moved]).toEqual([false, []]);
  });

  it("keeps nothing when no digest is known, or the bytes are right but no weights", async () => {
    const { job, report } = await rig();
    expect(await keepWhole({ ...job, sha256: null }, report)).toBeNull();
    const stray = await rig({ bytes: Buffer.from("not weights at all, whatever its manifest says".repeat(100)) });
    expect(await keepWhole(stray.job, stray.report)).toBeNull();
  });

  it("throws the signal's reason, and DISK_FAILED with the path", async () => {
    const { job, partial, report } = await rig();
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(keepWhole({ ...job, signal }, report)).rejects.toThrow("enough");
    await writeFile(join(folder, "partial"), "a file in the way");
    await expect(keepWhole(job, report)).rejects.toMatchObject({
      code: "DISK_FAILED",
      message: expect.stringContaining(partial.content),
    });
  });
});
