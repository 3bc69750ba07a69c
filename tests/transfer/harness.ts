/** A transfer on real sockets and a real disk, with mirrors that need no resolving. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Sha256 } from "../../src/base/artifact.ts";
import { systemClock } from "../../src/base/clock.ts";
import type { EventBody } from "../../src/base/events.ts";
import type { Endpoint, Mirror } from "../../src/base/mirror.ts";
import type { FetchJob } from "../../src/transfer/fetch-job.ts";
import { createTransfer, type Transfer, type TransferSettings } from "../../src/transfer/transfer.ts";

export interface TransferBench extends AsyncDisposable {
  readonly folder: string;
  readonly events: readonly EventBody[];
  readonly transfer: Transfer;
  readonly job: (
    wanted: {
      readonly size: number;
      readonly sha256: Sha256 | null;
      readonly mirrors: readonly Mirror[];
    } & Partial<FetchJob>,
  ) => FetchJob;
  readonly content: () => Promise<Buffer>;
}

/** Everything in a folder of its own; threads end with it. */
export async function makeTransfer(settings: Partial<TransferSettings> = {}): Promise<TransferBench> {
  const folder = await mkdtemp(join(tmpdir(), "modelferry-transfer-"));
  const events: EventBody[] = [];
  const transfer = createTransfer(
    {
      maxRate: null,
      lanes: null,
      lanesPerHost: 32,
      extraCa: null,
      proxy: { http: null, https: null, none: null },
      userAgent: "modelferry/test",
      ...settings,
    },
    { clock: systemClock },
  );
  const partial = { content: join(folder, "x.part"), journal: join(folder, "x.journal") };
  return {
    folder,
    events,
    transfer,
    job: (wanted) => ({
      model: "x",
      path: "checkpoints/x.bin",
      partial,
      pieces: null,
      priority: 0,
      signal: new AbortController().signal,
      report: (event) => events.push(event),
      onMoved: () => undefined,
      ...wanted,
    }),
    content: () => readFile(partial.content),
    [Symbol.asyncDispose]: async () => {
      await transfer.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export interface MirrorOptions {
  readonly label?: string;
  readonly hasRanges?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
  /** Called for each endpoint; the refused one is given when there is one. */
  readonly open?: (refused: Endpoint | undefined) => string;
}

/** A mirror at `url`. */
export function mirrorAt(url: string, size: number, options: MirrorOptions = {}): Mirror {
  const { label = new URL(url).host, hasRanges = true, headers = {}, open = () => url } = options;
  return {
    label,
    source: `${url}#${label}`,
    size,
    sha256: null,
    revision: null,
    whole: null,
    open: async (_, refused) => ({
      kind: "http",
      url: open(refused),
      headers,
      validator: null,
      mayBePrivate: true,
      hasRanges,
    }),
  };
}

/** The mirrors that were given up, with their codes. */
export function blamed(events: readonly EventBody[]): readonly string[] {
  return events.flatMap((event) => (event.kind === "mirror-dropped" ? [`${event.mirror} ${event.code}`] : []));
}
