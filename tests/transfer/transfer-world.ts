/** Real origins, a real disk and a real transfer, for tests of whole fetches. */
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Clock, systemClock } from "../../src/base/clock.ts";
import type { EventBody } from "../../src/base/events.ts";
import type { Endpoint, HttpEndpoint, Mirror } from "../../src/base/mirror.ts";
import type { FetchJob } from "../../src/transfer/fetch-job.ts";
import { createTransfer, type Transfer, type TransferSettings } from "../../src/transfer/transfer.ts";
import { type Content, type RangeServer, sha256Of, sizeOf, startRangeServer } from "../origins/index.ts";

export interface TransferWorld extends AsyncDisposable {
  readonly folder: string;
  readonly transfer: Transfer;
  readonly events: EventBody[];
  /** A server that offers `content` as `/file`, and the mirror that leads there. */
  readonly serve: (content: Content, more?: MirrorChanges) => Promise<Served>;
  readonly job: (content: Content, mirrors: readonly Mirror[], more?: Partial<FetchJob>) => Promise<FetchJob>;
  /** What has been told about mirrors that were given up: label and code. */
  readonly dropped: () => readonly (readonly [string, string])[];
}

export interface MirrorChanges {
  readonly label?: string;
  readonly endpoint?: Partial<HttpEndpoint>;
  readonly open?: Mirror["open"];
}

export interface Served {
  readonly server: RangeServer;
  readonly mirror: Mirror;
  readonly endpoint: HttpEndpoint;
}

const settings: TransferSettings = {
  maxRate: null,
  lanes: null,
  lanesPerHost: 16,
  extraCa: null,
  proxy: { http: null, https: null, none: null },
  userAgent: "modelferry/test",
};

export async function openTransferWorld(
  changes: Partial<TransferSettings> = {},
  clock: Clock = systemClock,
): Promise<TransferWorld> {
  const folder = await mkdtemp(join(tmpdir(), "modelferry-transfer-"));
  const events: EventBody[] = [];
  const servers: RangeServer[] = [];
  const transfer = createTransfer({ ...settings, ...changes }, { clock });
  let files = 0;
  return {
    folder,
    transfer,
    events,
    serve: async (content, more = {}) => {
      const server = await startRangeServer();
      servers.push(server);
      const served = serveOn(server, content, { label: `mirror ${servers.length}`, ...more });
      return served;
    },
    job: async (content, mirrors, more = {}) => {
      files += 1;
      return {
        model: `model ${files}`,
        path: `checkpoints/file-${files}.bin`,
        size: sizeOf(content),
        sha256: await sha256Of(content),
        mirrors,
        partial: { content: join(folder, `${files}.part`), journal: join(folder, `${files}.journal`) },
        pieces: null,
        priority: 0,
        signal: new AbortController().signal,
        report: (event) => events.push(event),
        onMoved: () => undefined,
        ...more,
      };
    },
    dropped: () =>
      events.flatMap((event) => (event.kind === "mirror-dropped" ? [[event.mirror, event.code] as const] : [])),
    [Symbol.asyncDispose]: async () => {
      await transfer.close();
      await Promise.all(servers.map((server) => server.close()));
      await rm(folder, { recursive: true });
    },
  };
}

function serveOn(server: RangeServer, content: Content, more: MirrorChanges & { readonly label: string }): Served {
  const url = server.put("/file", { content, etag: '"tag"' });
  const endpoint: HttpEndpoint = {
    kind: "http",
    url,
    headers: {},
    validator: '"tag"',
    mayBePrivate: true,
    hasRanges: true,
    ...more.endpoint,
  };
  const mirror: Mirror = {
    label: more.label,
    source: `${url}#${more.label}`,
    size: sizeOf(content),
    sha256: null,
    revision: null,
    whole: null,
    open: more.open ?? (async (): Promise<Endpoint> => endpoint),
  };
  return { server, mirror, endpoint };
}

/** True when nothing is at `path`. */
export async function isGone(path: string): Promise<boolean> {
  return await stat(path).then(
    () => false,
    () => true,
  );
}

/** The content of the partial of `job`. */
export const contentOf = (job: FetchJob): Promise<Buffer> => readFile(job.partial.content);

/** Waits for something that must come soon. */
export async function until(isSo: () => boolean | Promise<boolean>, ms = 8_000): Promise<void> {
  const begun = performance.now();
  while (!(await isSo())) {
    if (performance.now() - begun > ms) throw new Error(`it did not happen within ${ms} ms`);
    await systemClock.sleep(10);
  }
}
