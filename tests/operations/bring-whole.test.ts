/** Many small files from one address each come the short way; and the usual one wherever anything is unusual. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import * as origins from "../origins/index.ts";
import { type Box, makeBox, weights } from "./box.ts";

const COUNT = 40;

interface World extends AsyncDisposable {
  readonly server: origins.RangeServer;
  readonly box: Box;
}

/** A box that lacks forty files of a server's. */
async function makeWorld({
  environment = {},
  tls,
}: {
  environment?: Record<string, string>;
  tls?: origins.Authority;
} = {}): Promise<World> {
  const made = await Promise.all(Array.from({ length: COUNT }, (_, index) => weights(`many ${index}`, 20_000 + index)));
  const files = Object.fromEntries(made.map(({ content }, index) => [`/${index}.safetensors`, content]));
  const server = await origins.startRangeServer(files, tls === undefined ? {} : { tls });
  const box = await makeBox(environment);
  await box.catalogue(
    made.map(({ figures }, index) => ({
      name: `box-${index}`,
      ...figures,
      sources: [`${server.url}/${index}.safetensors`],
    })),
  );
  const dispose = async (): Promise<void> => {
    await box[Symbol.asyncDispose]();
    await server.close();
  };
  return { server, box, [Symbol.asyncDispose]: dispose };
}

async function expectAllPresent(box: Box): Promise<void> {
  const report = await box.open().check({ kits: ["all"], isStrict: true, isDeep: true });
  expect(report.models.map(({ status }) => status)).toEqual(Array(COUNT).fill("present"));
}

describe("sync() of many small files", () => {
  it("brings each with one request, all verified, and tells of each what it tells of others", async () => {
    await using world = await makeWorld();
    const { server, box } = world;
    const { summary, events, error } = await box.sync();
    expect(error).toBeNull();
    expect(summary).toMatchObject({ ok: true, models: COUNT, wastedBytes: 0 });
    expect(summary.mirrors).toMatchObject([{ bytes: summary.fetchedBytes, errors: 0 }]);
    expect(server.requests).toHaveLength(COUNT);
    await expectAllPresent(box);
    const own = events.filter((event) => "model" in event && event.model === "box-7");
    expect(own.map(({ kind }) => kind)).toEqual(["mirror-found", "file-started", "file-finished"]);
    expect(own.at(-1)).toMatchObject({ how: "fetched", size: 20_007, mirrors: [{ bytes: 20_007 }] });
  });

  const unusual: readonly (readonly [string, origins.Fault, number])[] = [
    ["is busy and asks for a pause", origins.rateLimited(1), 1],
    ["redirects", origins.redirectTo("/elsewhere"), 1],
    ["sends wrong bytes", origins.flip(15_000), 1],
    ["answers without a length", origins.chunked, Number.POSITIVE_INFINITY],
    ["breaks off", origins.resetAfter(5_000), 3],
  ];
  it.each(unusual)("brings all of them from a host that %s", async (_, fault, times) => {
    await using world = await makeWorld();
    const { server, box } = world;
    server.put("/elsewhere", (await weights("many 0", 20_000)).content);
    server.faults.add(origins.onPath("/0.safetensors"), fault, times);
    const { summary, error } = await box.sync();
    expect(error).toBeNull();
    expect(summary).toMatchObject({ ok: true, models: COUNT });
    await expectAllPresent(box);
  });

  it("says of a file that is not there what it says of others, and brings the rest", async () => {
    await using world = await makeWorld();
    const { server, box } = world;
    server.remove("/3.safetensors");
    const { events, error } = await box.sync();
    expect(error).toMatchObject({ code: "NO_MIRROR" });
    const failed = events.filter(({ kind }) => kind === "file-failed");
    expect(failed).toMatchObject([{ model: "box-3", message: expect.stringContaining("404") }]);
    expect(events.filter(({ kind }) => kind === "file-finished")).toHaveLength(COUNT - 1);
  });

  it("gives up a host that was in the way once", async () => {
    await using world = await makeWorld();
    const { server, box } = world;
    server.faults.add(origins.always, origins.ignoreRange);
    expect(await box.sync()).toMatchObject({ error: null, summary: { ok: true } });
    // What was asked for before the first answer, and never again.
    expect(server.requests.length).toBeLessThanOrEqual(2 * COUNT);
    await expectAllPresent(box);
  });

  it("sends a configured credential to its own host only, and never along a redirect", async () => {
    await using other = await origins.startRangeServer();
    await using world = await makeWorld({ environment: { BOX_TOKEN: "very-secret" } });
    const { server, box } = world;
    const config = join(box.folder, "models.config.yaml");
    await writeFile(config, `hosts:\n  "${new URL(server.url).host}":\n    token: BOX_TOKEN\n`);
    const moved = other.put("/0.safetensors", (await weights("many 0", 20_000)).content);
    server.faults.add(origins.onPath("/0.safetensors"), origins.redirectTo(moved));
    expect(await box.sync({ config })).toMatchObject({ error: null, summary: { ok: true } });
    expect(new Set(server.requests.map(({ headers }) => headers.authorization))).toEqual(
      new Set(["Bearer very-secret"]),
    );
    expect(other.requests.map(({ headers }) => headers.authorization)).toEqual([undefined]);
  });

  it("trusts the authorities that are named, over as few connections", async () => {
    const tls = await origins.createAuthority();
    await using world = await makeWorld({ tls });
    const { server, box } = world;
    const environment = { ...box.environment, NODE_EXTRA_CA_CERTS: await tls.writeTo(box.folder) };
    expect(await box.sync({ environment, lanes: 4 })).toMatchObject({ error: null, summary: { ok: true } });
    expect(server.requests).toHaveLength(COUNT);
    expect(server.acceptedSockets()).toBeLessThanOrEqual(4);
    await expectAllPresent(box);
  });

  it("says of authorities that cannot be read what it says of others, and settles what is on this box", async () => {
    await using world = await makeWorld();
    const { box } = world;
    await box.write("loras/box-3.safetensors", await origins.bytesOf((await weights("many 3", 20_003)).content));
    const environment = { ...box.environment, NODE_EXTRA_CA_CERTS: join(box.folder, "nothing.pem") };
    const { events, error } = await box.sync({ environment });
    expect(error).toMatchObject({ code: "NO_MIRROR" });
    expect(events.filter(({ kind }) => kind === "file-finished")).toMatchObject([{ model: "box-3", how: "reused" }]);
    expect(events.filter(({ kind }) => kind === "file-failed")).toHaveLength(COUNT - 1);
  });

  it("takes no more connections than lanes were asked for", async () => {
    await using world = await makeWorld();
    const { server, box } = world;
    expect(await box.sync({ lanes: 4 })).toMatchObject({ error: null, summary: { ok: true } });
    expect(server.acceptedSockets()).toBeLessThanOrEqual(4);
  });

  it("obeys a limit of the rate as usual", async () => {
    await using world = await makeWorld();
    const { server, box } = world;
    const { summary, error } = await box.sync({ maxRate: 10_000_000 });
    expect(error).toBeNull();
    expect(summary).toMatchObject({ ok: true });
    expect(server.requests).toHaveLength(COUNT);
  });

  it("stops when it is interrupted, and the next run brings the rest", async () => {
    await using world = await makeWorld();
    const { server, box } = world;
    server.faults.add(origins.after(origins.always, 10), origins.stallHead("silent"));
    const stop = new AbortController();
    const onEvent = ({ kind }: { readonly kind: string }): void => {
      if (kind === "file-finished") stop.abort();
    };
    const { error } = await box.sync({ signal: stop.signal, onEvent });
    expect(error).toMatchObject({ code: "INTERRUPTED" });
    server.faults.clear();
    expect(await box.sync()).toMatchObject({ error: null, summary: { ok: true } });
    await expectAllPresent(box);
  });
});
