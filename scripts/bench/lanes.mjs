/** One file through the library's lanes, scheduler and engine as built, without a digest: lanes.mjs URL SIZE FILE. */
import { open } from "node:fs/promises";
import { systemClock } from "../../dist/base/clock.js";
import { createLanePool } from "../../dist/net/lane-pool.js";
import { createEngine } from "../../dist/transfer/engine.js";
import { preallocate } from "../../dist/transfer/preallocate.js";
import { createScheduler } from "../../dist/transfer/scheduler.js";

const [url, sizeText, path] = process.argv.slice(2);
const size = Number(sizeText);
const endpoint = { kind: "http", url, headers: {}, validator: null, mayBePrivate: true, hasRanges: true };
const mirror = { label: "origin", source: url, size, sha256: null, revision: null, open: async () => endpoint };
const pool = createLanePool({
  extraCa: null,
  proxy: { http: null, https: null, none: null },
  userAgent: "modelferry-bench",
  // The core that a digest would have is free.
  workers: { plain: 2, encrypted: 2 },
});
const scheduler = createScheduler({
  lanes: null,
  lanesPerHost: 16,
  mostLanes: 64,
  remembered: new Map(),
  random: systemClock.random,
});
const engine = createEngine(scheduler, { clock: systemClock, pool });
const file = await open(path, "w");
await preallocate(file.fd, path, size);
const nothing = () => {};
const run = engine.run({
  id: "bench",
  size,
  priority: 0,
  done: [],
  mirrors: [mirror],
  file: file.fd,
  signal: new AbortController().signal,
  listeners: { onTick: nothing, onError: nothing, onBlame: nothing, onRestart: nothing },
});
await run.whole();
await run.stop();
await file.close();
process.exit(0);
