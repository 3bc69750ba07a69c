/** Many models and few places: what waits is left alone until there is room for it. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { Sha256 } from "../../src/base/artifact.ts";
import { systemClock } from "../../src/base/clock.ts";
import { deferred } from "../../src/base/flow.ts";
import type { Mirror } from "../../src/base/mirror.ts";
import type { TreePath } from "../../src/base/paths.ts";
import type { Model } from "../../src/catalog/model.ts";
import { createSync } from "../../src/operations/sync.ts";
import type { Network } from "../../src/operations/sync-ports.ts";
import { createTree } from "../../src/tree/tree.ts";
import { createTestDigest } from "../tree/digest.ts";

const MODELS = 200;
const FILES = 4;

const modelOf = (index: number): Model => ({
  name: `m${index}`,
  path: `loras/m${index}.safetensors` as TreePath,
  aliases: [],
  size: 1_000_000 + index,
  sha256: `${index}`.padStart(64, "0") as Sha256,
  digestFrom: null,
  license: null,
  gated: false,
  sources: [`https://models.example.net/m${index}`],
  pieces: null,
  at: "models.yaml:1:1",
});

describe("settleAll()", () => {
  it("asks no mirror for a model that has long to wait", async () => {
    const root = await mkdtemp(join(tmpdir(), "modelferry-settle-"));
    const stop = new AbortController();
    const full = deferred<void>();
    const asked = new Set<string>();
    let fetching = 0;
    const network: Network = {
      mirrorsOf: async ({ name, size }) => {
        asked.add(name);
        const open: Mirror["open"] = () => Promise.reject(new Error("nobody reads"));
        const known = { sha256: null, revision: null, whole: null, open };
        return [
          { label: "models.example.net", source: `https://models.example.net/${name}`, size: size ?? 0, ...known },
        ];
      },
      transfer: async () => ({
        fetch: ({ signal }) => {
          fetching += 1;
          if (fetching === 8 * FILES) full.resolve();
          return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
        },
      }),
      readPieces: () => Promise.reject(new Error("there are none")),
      directly: async () => null,
      close: async () => undefined,
    };
    const ports = {
      tree: createTree(root, { clock: systemClock, digest: createTestDigest() }),
      openNetwork: async () => network,
      readLock: async () => null,
      changeLock: async () => undefined,
      sweepLock: async () => undefined,
      clock: systemClock,
    };
    const limits = { files: FILES, reserveBytes: 0, allowPickle: [], trustFirstUse: false };
    const sync = createSync(ports, { lockfile: join(root, "no.yaml"), adopt: [], hubCache: null, ...limits });
    const models = Array.from({ length: MODELS }, (_, index) => modelOf(index));
    const selection = { models, unknown: [], views: [], declared: new Set<string>(), awaited: new Set<string>() };
    const ended = sync(selection, { signal: stop.signal }).catch((error: unknown) => error);
    await full.promise;
    for (let idle = 0; idle < 100; idle += 1) await turn();
    expect(asked.size).toBeLessThan(MODELS / 2);
    // The largest first, as ever.
    expect(asked).toContain(`m${MODELS - 1}`);
    stop.abort();
    expect(await ended).toMatchObject({ code: "INTERRUPTED" });
    await rm(root, { recursive: true, force: true });
  }, 30_000);
});
