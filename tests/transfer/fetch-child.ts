/** A process of its own that fetches one file and says what became of it and what it took. */

import { systemClock } from "../../src/base/clock.ts";
import type { Endpoint } from "../../src/base/mirror.ts";
import type { FetchJob } from "../../src/transfer/fetch-job.ts";
import { createTransfer } from "../../src/transfer/transfer.ts";

/** What a test asks of the child. */
export interface ChildOrder {
  readonly endpoints: readonly Endpoint[];
  readonly job: Omit<FetchJob, "mirrors" | "signal" | "onMoved">;
  /** Whether the transfer is closed at the end; else the process must end without that. */
  readonly isClosed: boolean;
}

/** What the child says in its last line. */
export interface ChildReport {
  readonly result: Readonly<Record<string, unknown>> | null;
  readonly error: string | null;
  /** Most memory that the process had, in bytes. */
  readonly peakBytes: number;
}

const order = JSON.parse(process.argv[2] ?? "{}") as ChildOrder;
const transfer = createTransfer(
  {
    maxRate: null,
    lanes: null,
    lanesPerHost: 16,
    extraCa: null,
    proxy: { http: null, https: null, none: null },
    userAgent: "modelferry/test",
  },
  { clock: systemClock },
);
const { size } = order.job;
const mirrors = order.endpoints.map((endpoint, index) => ({
  label: `mirror ${index}`,
  source: `mirror ${index}`,
  size,
  sha256: null,
  revision: null,
  whole: null,
  open: async () => endpoint,
}));
const say = (report: Omit<ChildReport, "peakBytes">): void =>
  void process.stdout.write(`${JSON.stringify({ ...report, peakBytes: process.resourceUsage().maxRSS * 1024 })}\n`);

try {
  const signal = new AbortController().signal;
  const result = await transfer.fetch({
    ...order.job,
    mirrors,
    signal,
    report: () => undefined,
    onMoved: () => undefined,
  });
  say({ result: { ...result }, error: null });
} catch (error) {
  say({ result: null, error: String(error) });
}
if (order.isClosed) await transfer.close();
