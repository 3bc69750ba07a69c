/** Whole processes: killed in the middle, measured, and expected to end by themselves. */
import { type ChildProcess, spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { type Content, createNoise, sizeOf } from "../origins/index.ts";
import type { ChildOrder, ChildReport } from "./fetch-child.ts";
import { openTransferWorld, type Served, type TransferWorld, until } from "./transfer-world.ts";

const MB = 1_000_000;
const CHILD = fileURLToPath(new URL("./fetch-child.ts", import.meta.url));
const middle = createNoise("process")(0, 40 * MB);

async function orderFor(
  world: TransferWorld,
  content: Content,
  served: readonly Served[],
  isClosed = true,
): Promise<ChildOrder> {
  const { mirrors: _, signal: _signal, onMoved: _moved, ...job } = await world.job(content, []);
  return { endpoints: served.map(({ endpoint }) => endpoint), job, isClosed };
}

function start(order: ChildOrder): ChildProcess {
  const args = ["--import", "tsx", CHILD, JSON.stringify(order)];
  return spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
}

interface Ended {
  readonly report: ChildReport | null;
  readonly code: number | null;
  /** Between its last word and its end. */
  readonly lingeredMs: number;
}

async function endOf(child: ChildProcess): Promise<Ended> {
  let text = "";
  let spokeMs = performance.now();
  child.stdout?.on("data", (part: Buffer) => {
    text += part.toString();
    spokeMs = performance.now();
  });
  const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
  const line = text.trim().split("\n").at(-1) ?? "";
  return {
    report: line === "" ? null : (JSON.parse(line) as ChildReport),
    code,
    lingeredMs: performance.now() - spokeMs,
  };
}

describe("a process that fetches", () => {
  it("killed in the middle, makes the next one fetch less than 5 % again", async () => {
    await using world = await openTransferWorld();
    const served = [await world.serve(middle), await world.serve(middle)];
    for (const { server } of served) server.setShape({ bytesPerSecond: 6 * MB });
    const sent = (): number => served.reduce((sum, { server }) => sum + server.bytesSent(), 0);
    const order = await orderFor(world, middle, served);
    const child = start(order);
    await until(() => sent() > 0.6 * middle.length, 20_000);
    child.kill("SIGKILL");
    await endOf(child);
    const before = sent();
    for (const { server } of served) server.setShape({});
    const { report } = await endOf(start(order));
    expect(report?.result).toMatchObject({ sha256: order.job.sha256 });
    expect((await readFile(order.job.partial.content)).equals(middle)).toBe(true);
    const twice = before - Number(report?.result?.["resumedBytes"]);
    expect(twice / middle.length).toBeLessThan(0.05);
  });

  it("ends by itself after close(), and without it", async () => {
    await using world = await openTransferWorld();
    const content = middle.subarray(0, 3 * MB);
    const served = [await world.serve(content)];
    for (const isClosed of [true, false]) {
      const ended = await endOf(start(await orderFor(world, content, served, isClosed)));
      expect(ended).toMatchObject({ code: 0, report: { error: null } });
      expect(ended.lingeredMs).toBeLessThan(2_000);
    }
  });

  it("stays alive while its only mirror rests", async () => {
    await using world = await openTransferWorld();
    const content = middle.subarray(0, 3 * MB);
    const served = await world.serve(content);
    await served.server.die();
    const child = start(await orderFor(world, content, [served]));
    const ended = endOf(child);
    await systemClock.sleep(2_000);
    expect(child.exitCode).toBe(null);
    await served.server.revive();
    expect(await ended).toMatchObject({ code: 0, report: { error: null } });
  });

  it("stays alive while all its threads are dead", async () => {
    const path = fileURLToPath(new URL("./dying-threads-child.ts", import.meta.url));
    const child = spawn(process.execPath, ["--import", "tsx", path], { stdio: "inherit" });
    await systemClock.sleep(3_000);
    const { exitCode } = child;
    child.kill("SIGKILL");
    expect(exitCode).toBe(null);
  });

  it("takes less than 250 MB for a file of 1.5 GB", async () => {
    await using world = await openTransferWorld();
    const block = createNoise("big")(0, 64 * 1024 * 1024);
    const size = 1_500_000_000;
    // One block again and again, with no memory or disk of its own.
    const read = (from: number, to: number): Uint8Array => {
      const at = from % block.length;
      return block.subarray(at, Math.min(block.length, at + to - from));
    };
    const big = { size, read };
    const served = [await world.serve(big), await world.serve(big)];
    const order = await orderFor(world, big, served);
    const ended = await endOf(start(order));
    expect(ended.report?.error).toBe(null);
    expect(ended.report?.result).toMatchObject({
      sha256: order.job.sha256,
      fetchedBytes: sizeOf(big),
      wastedBytes: 0,
    });
    expect((ended.report?.peakBytes ?? 0) / MB).toBeLessThan(250);
  }, 60_000);
});
