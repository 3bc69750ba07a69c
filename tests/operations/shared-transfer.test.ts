/** Several syncs in one process: one limit of the rate, one order of what goes first, each its own events. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Event } from "../../src/base/events.ts";
import { startRangeServer } from "../origins/index.ts";
import { type Box, type Entry, makeBox, weights } from "./box.ts";

const MB = 1_000_000;

interface Shelf extends AsyncDisposable {
  readonly box: Box;
  readonly server: Awaited<ReturnType<typeof startRangeServer>>;
}

/** A box whose manifest names `m0`, `m1`, … of these sizes, all on one server. */
async function shelf(sizes: readonly number[], shape = {}): Promise<Shelf> {
  const made = await Promise.all(sizes.map((size, index) => weights(`shelf ${index}`, size)));
  const server = await startRangeServer(Object.fromEntries(made.map(({ content }, index) => [`/m${index}`, content])), {
    shape,
  });
  const box = await makeBox();
  const entry = ({ figures }: (typeof made)[number], index: number): Entry => ({
    name: `m${index}`,
    ...figures,
    sources: [`${server.url}/m${index}`],
  });
  await box.catalogue(made.map(entry));
  return {
    box,
    server,
    [Symbol.asyncDispose]: async () => {
      await box[Symbol.asyncDispose]();
      await server.close();
    },
  };
}

const elapsedSeconds = async (work: () => Promise<unknown>): Promise<number> => {
  const from = performance.now();
  await work();
  return (performance.now() - from) / 1000;
};

describe("models.sync() several times at once", () => {
  it("obeys one limit of the rate", async () => {
    await using one = await shelf([2 * MB, 2 * MB, 2 * MB]);
    const models = one.box.open({ maxRate: 3 * MB });
    const all = ["m0", "m1", "m2"].map((name) => () => models.sync({ models: [name] }));
    // Two seconds for the bytes, less what a limiter lets through at first.
    expect(await elapsedSeconds(() => Promise.all(all.map((sync) => sync())))).toBeGreaterThan(1.7);
  });

  it("tells each of its own files alone", async () => {
    await using one = await shelf([3 * MB, 3 * MB], { bytesPerSecond: 6 * MB });
    const models = one.box.open();
    const told = async (name: string): Promise<ReadonlySet<string>> => {
      const events: Event[] = [];
      await models.sync({ models: [name], onEvent: (event) => events.push(event) });
      const named = events.flatMap((event) =>
        event.kind === "progress" ? event.files.map(({ model }) => model) : "model" in event ? [event.model] : [],
      );
      return new Set(named.filter((model) => model !== null));
    };
    expect(await Promise.all([told("m0"), told("m1")])).toEqual([new Set(["m0"]), new Set(["m1"])]);
  });

  it("goes on with one when another is interrupted", async () => {
    await using one = await shelf([3 * MB, 3 * MB], { bytesPerSecond: 6 * MB });
    const models = one.box.open();
    const abort = new AbortController();
    const begun = (event: Event): void => void (event.kind === "file-started" && abort.abort());
    const [ended, whole] = await Promise.allSettled([
      models.sync({ models: ["m0"], signal: abort.signal, onEvent: begun }),
      models.sync({ models: ["m1"] }),
    ]);
    expect(ended).toMatchObject({ status: "rejected", reason: { code: "INTERRUPTED" } });
    expect(whole).toMatchObject({ status: "fulfilled" });
    expect((await models.sync({ models: ["m0"] })).summary.ok).toBe(true);
  });

  it("lets what is fetched ahead wait for the rest", async () => {
    await using one = await shelf([4 * MB, 4 * MB], { bytesPerSecond: 8 * MB });
    const models = one.box.open({ lanes: 1 });
    const order: string[] = [];
    const sync = async (name: string, isPrefetch: boolean): Promise<void> => {
      await models.sync({ models: [name], isPrefetch });
      order.push(name);
    };
    await Promise.all([sync("m0", true), sync("m1", false)]);
    expect(order).toEqual(["m1", "m0"]);
  });
});

describe("models.sync() with a limit of the rate", () => {
  it("counts files that come with one answer, and asks for each once", async () => {
    const sizes = Array.from({ length: 30 }, (_, index) => 60_000 + index);
    await using one = await shelf(sizes);
    const models = one.box.open({ maxRate: MB });
    expect(await elapsedSeconds(() => models.sync({ kits: ["all"] }))).toBeGreaterThan(1.5);
    expect(one.server.bytesSent()).toBeLessThan(1.1 * 30 * 60_000);
  });
});

describe("models.sync() of a kit and a name", () => {
  it("brings what was named first, though it is smaller", async () => {
    await using one = await shelf([3 * MB, MB, 2 * MB]);
    const events: Event[] = [];
    await writeFile(join(one.box.folder, "models.config.yaml"), "limits: { files: 1 }\n");
    const models = one.box.open();
    await models.sync({ kits: ["all"], models: ["m1"], onEvent: (event) => events.push(event) });
    expect(events.flatMap((event) => (event.kind === "file-started" ? [event.model] : []))).toEqual(["m1", "m0", "m2"]);
  });
});
