/** A thousand boxes that start together: the Hub's limits are obeyed, and nobody asks twice for what he has. */
import { describe, expect, it } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { Secret } from "../../src/base/secret.ts";
import { createNoise, type LoggedRequest, startHub } from "../origins/index.ts";
import { createHarness } from "./harness.ts";

const BOXES = 1_000;
const COMMIT = "fe".repeat(20);
const START_MS = 3_000;
const WINDOW_SECONDS = 2;
const QUOTA = 110;

const noise = createNoise("fleet");
const content = { size: 100_000, read: noise };
const tokens = Array.from({ length: BOXES }, (_, index) => `hf_box${index}`);

describe("a thousand boxes", () => {
  it("all get their links, each asks as often as it must, none before it may", async () => {
    await using hub = await startHub({
      repos: [{ name: "team/it", commit: COMMIT, files: { "it.bin": content }, isPrivate: true, granted: tokens }],
      limits: { resolvers: QUOTA, windowSeconds: WINDOW_SECONDS },
    });
    const boxes = tokens.map(async (token) => {
      const settings = { endpoint: hub.endpoint, token: new Secret(token), isOffline: false };
      await using box = createHarness({ hub: settings });
      await systemClock.sleep(systemClock.random() * START_MS);
      const uri = `hf://team/it@${COMMIT}/it.bin`;
      const signal = AbortSignal.timeout(60_000);
      const wanted = { name: "it", path: "loras/it.bin" as never, size: 100_000, sha256: null, allowPickle: true };
      const [mirror] = await box.sources.mirrorsOf(
        { ...wanted, sources: [uri] },
        { signal, onDropped: () => undefined },
      );
      // Sixteen lanes want the address at once: they get the one that is there.
      const opened = await Promise.all(Array.from({ length: 16 }, () => mirror?.open(signal)));
      return new Set(opened.map((endpoint) => (endpoint?.kind === "http" ? endpoint.url : "none"))).size;
    });
    expect(new Set(await Promise.all(boxes))).toEqual(new Set([1]));
    const asked = hub.origin.requests.filter(({ url }) => url.includes("/resolve/"));
    const byBox = new Map<string, LoggedRequest[]>();
    for (const request of asked) {
      const who = request.headers.authorization ?? "";
      byBox.set(who, [...(byBox.get(who) ?? []), request]);
    }
    expect(byBox.size).toBe(BOXES);
    // One link a box, and nothing more once it is there; but for what a machine that carries all of them times out.
    const good = asked.filter(({ status }) => status < 400);
    expect(good.length).toBeGreaterThanOrEqual(BOXES);
    expect(good.length).toBeLessThan(BOXES * 1.05);
    const refused = asked.filter(({ status }) => status === 429);
    expect(refused.length).toBeGreaterThan(100);
    // Whoever was refused waits for the next window: nobody is refused twice in one.
    const windowOf = ({ time }: LoggedRequest): number => Math.floor(time / 1000 / WINDOW_SECONDS);
    const early = [...byBox.values()].flatMap((requests) =>
      requests.slice(1).filter((request, index) => {
        const before = requests[index];
        return before !== undefined && before.status === 429 && windowOf(before) === windowOf(request);
      }),
    );
    expect(early).toEqual([]);
    // Nobody asks more often than there were windows.
    const windows = new Set(asked.map(windowOf)).size;
    expect(Math.max(...[...byBox.values()].map(({ length }) => length))).toBeLessThanOrEqual(windows);
    expect(hub.cdn.requests.filter(({ method }) => method === "GET").length).toBeLessThanOrEqual(BOXES * 2);
  }, 120_000);
});
