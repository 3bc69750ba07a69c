/** A lane worker: owns sockets, slabs and writes, so that whoever draws or plans never delays a byte. */
import { systemClock } from "../base/clock.ts";
import { serveThread } from "../base/threads.ts";
import type { LaneWorkerSettings, ToLaneWorker } from "./lane-protocol.ts";
import { createRangeReads } from "./range-reads.ts";

serveThread<LaneWorkerSettings>((settings, post) => {
  const obey = createRangeReads(settings, { clock: systemClock, post });
  return (message) => obey(message as ToLaneWorker);
});
