/** A server, a partial file and real lane threads between them, for tests of lanes. */
import { closeSync, openSync, readSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Endpoint, HttpEndpoint } from "../../src/base/mirror.ts";
import { createLanePool, type LaneEnd, type LanePool, type RunningLane } from "../../src/net/lane-pool.ts";
import type { RangeRead } from "../../src/net/lane-protocol.ts";
import {
  createAuthority,
  createNoise,
  type Proxy as ForwardProxy,
  type RangeServer,
  startProxy,
  startRangeServer,
} from "../origins/index.ts";

export interface LaneKind {
  readonly name: string;
  readonly isGeneral: boolean;
  readonly isTls: boolean;
  readonly isProxied: boolean;
}

/** A range read that was started. */
export interface StartedRead {
  readonly lane: RunningLane;
  readonly ended: Promise<LaneEnd>;
  /** The ends that held, as the lane told them. */
  readonly shrunk: readonly number[];
}

export interface LaneWorld {
  readonly server: RangeServer;
  readonly proxy: ForwardProxy | null;
  readonly pool: LanePool;
  readonly endpoint: HttpEndpoint;
  readonly start: (start: number, end: number, more?: Partial<RangeRead>) => StartedRead;
  readonly read: (start: number, end: number, more?: Partial<RangeRead>) => Promise<LaneEnd>;
  /** The bytes of the partial file now. */
  readonly written: (start: number, end: number) => Buffer;
  /** A partial file without the bytes of earlier tests. */
  readonly startFresh: () => Promise<void>;
  readonly close: () => Promise<void>;
}

export const WORLD_BYTES = 3_000_000;
export const worldContent: Buffer = createNoise("lanes")(0, WORLD_BYTES);

export async function openLaneWorld(kind: Omit<LaneKind, "name">): Promise<LaneWorld> {
  const authority = kind.isTls ? await createAuthority() : null;
  const server = await startRangeServer({}, authority === null ? {} : { tls: authority });
  const proxy = kind.isProxied ? await startProxy(kind.isTls ? {} : { tunnelStatus: 403 }) : null;
  const folder = await mkdtemp(join(tmpdir(), "modelferry-lanes-"));
  const url = server.put("/weights.bin", { content: worldContent, etag: '"one"' });
  const endpoint: HttpEndpoint = {
    kind: "http",
    url,
    headers: {},
    validator: '"one"',
    mayBePrivate: true,
    hasRanges: true,
  };
  const variable = proxy === null ? null : { name: "ALL_PROXY", value: proxy.url };
  const pool = createLanePool({
    extraCa: authority?.ca ?? null,
    proxy: { http: variable, https: variable, none: null },
    userAgent: "modelferry/test",
    workers: { plain: 1, encrypted: 2 },
  });
  const path = join(folder, "partial");
  let file = -1;
  const startFresh = async (): Promise<void> => {
    if (file >= 0) closeSync(file);
    await writeFile(path, "");
    file = openSync(path, "r+");
  };
  await startFresh();
  const start = (from: number, end: number, more: Partial<RangeRead> = {}): StartedRead => {
    const asked = {
      endpoint: endpoint as Endpoint,
      file,
      start: from,
      end,
      size: WORLD_BYTES,
      isGeneral: kind.isGeneral,
    };
    const shrunk: number[] = [];
    let lane: RunningLane | null = null;
    const ended = new Promise<LaneEnd>((resolve) => {
      lane = pool.start({ ...asked, ...more }, { onEnd: resolve, onShrunk: (held) => shrunk.push(held) });
    });
    if (lane === null) throw new Error("the lane did not start");
    return { lane, ended, shrunk };
  };
  return {
    server,
    proxy,
    pool,
    endpoint,
    start,
    read: (from, end, more) => start(from, end, more).ended,
    written: (from, end) => {
      const bytes = Buffer.alloc(end - from);
      return bytes.subarray(0, readSync(file, bytes, 0, bytes.length, from));
    },
    startFresh,
    close: async () => {
      await pool.close();
      closeSync(file);
      await server.close();
      await proxy?.close();
      await rm(folder, { recursive: true });
    },
  };
}
