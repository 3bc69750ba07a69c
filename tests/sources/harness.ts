/** What the tests of sources share: a real control plane with nothing configured, and every dropped source written down. */

import { accessTo } from "../../src/base/access.ts";
import { type Clock, systemClock } from "../../src/base/clock.ts";
import type { ModelsError } from "../../src/base/errors.ts";
import type { EventBody } from "../../src/base/events.ts";
import type { Mirror } from "../../src/base/mirror.ts";
import { parseTreePath } from "../../src/base/paths.ts";
import { createHttp, type Http } from "../../src/net/http.ts";
import { createS3, type S3 } from "../../src/net/s3.ts";
import { createSources, type Sources, type WantedSources } from "../../src/sources/index.ts";
import type { SourceSettings } from "../../src/sources/source.ts";

export interface Dropped {
  readonly source: string;
  readonly label: string;
  readonly error: ModelsError;
}

export interface Harness extends AsyncDisposable {
  readonly sources: Sources;
  readonly http: Http;
  readonly s3: S3;
  readonly settings: SourceSettings;
  readonly events: readonly EventBody[];
  readonly find: (sources: readonly string[], wanted?: Partial<WantedSources>) => Promise<Finding>;
}

export interface Finding {
  readonly mirrors: readonly Mirror[];
  readonly dropped: readonly Dropped[];
}

export interface HarnessOptions extends Partial<SourceSettings> {
  readonly caFile?: string;
  readonly clock?: Clock;
  readonly idleTimeoutMs?: number;
}

const NOTHING: SourceSettings = {
  hub: { endpoint: "http://127.0.0.1:1", token: null, isOffline: false },
  civitai: { endpoint: "http://127.0.0.1:1", token: null },
  s3: {},
  hosts: [],
  mirrors: [],
  limits: { maxRate: null },
};

export function createHarness({ caFile, clock = systemClock, idleTimeoutMs, ...given }: HarnessOptions = {}): Harness {
  const settings: SourceSettings = { ...NOTHING, ...given };
  const events: EventBody[] = [];
  const http = createHttp(
    {
      caFile: caFile ?? null,
      proxy: { http: null, https: null, none: null },
      userAgent: "modelferry/0.0.0",
      ...(idleTimeoutMs === undefined ? {} : { idleTimeoutMs }),
    },
    { clock, report: (event) => events.push(event) },
  );
  const s3 = createS3(({ kind, bucket }) => accessTo(settings.s3, kind, bucket), { http, clock });
  const sources = createSources(settings, { http, s3, clock, pace: async () => undefined });
  return {
    sources,
    http,
    s3,
    settings,
    events,
    find: async (uris, wanted = {}) => {
      const dropped: Dropped[] = [];
      const model = {
        name: "m",
        path: parseTreePath("checkpoints/m.safetensors"),
        size: null,
        sha256: null,
        allowPickle: false,
      };
      const mirrors = await sources.mirrorsOf(
        { ...model, sources: uris, ...wanted },
        {
          signal: AbortSignal.timeout(25_000),
          onDropped: (source, label, error) => dropped.push({ source, label, error }),
        },
      );
      return { mirrors, dropped };
    },
    [Symbol.asyncDispose]: () => http.close(),
  };
}

/** The one mirror that a finding must have. */
export function only({ mirrors, dropped }: Finding): Mirror {
  const [mirror] = mirrors;
  if (mirror !== undefined && mirrors.length === 1) return mirror;
  throw new Error(`${mirrors.length} mirrors; dropped: ${dropped.map(({ error }) => error.message).join("; ")}`);
}

/** The one error for which a finding has no mirror. */
export function refusal({ mirrors, dropped }: Finding): ModelsError {
  const [one] = dropped;
  if (one !== undefined && mirrors.length === 0 && dropped.length === 1) return one.error;
  throw new Error(`${mirrors.length} mirrors and ${dropped.length} dropped, expected one dropped`);
}
