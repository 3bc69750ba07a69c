/** A process of its own whose lane threads all die at once: it tries again, until it is killed. */
import { systemClock } from "../../src/base/clock.ts";
import type { HttpEndpoint } from "../../src/base/mirror.ts";
import { createLanePool } from "../../src/net/lane-pool.ts";
import { createEngine } from "../../src/transfer/engine.ts";
import { createScheduler } from "../../src/transfer/scheduler.ts";
import { playThread } from "../threads.ts";

const proxy = { http: null, https: null, none: null };
const pool = createLanePool(
  { extraCa: null, proxy, userAgent: "modelferry/test", workers: { plain: 1, encrypted: 2 } },
  () => {
    const thread = playThread();
    return { ...thread, post: () => queueMicrotask(() => thread.crash(new Error("no descriptor is left"))) };
  },
);
const scheduler = createScheduler({
  lanes: null,
  lanesPerHost: 16,
  remembered: new Map(),
  mostLanes: 64,
  maxRate: null,
  random: () => 0,
});
const endpoint: HttpEndpoint = {
  kind: "http",
  url: "http://127.0.0.1:1/it",
  headers: {},
  validator: null,
  mayBePrivate: true,
  hasRanges: true,
};
const nothing = (): void => {};
createEngine(scheduler, { clock: systemClock, pool }).run({
  name: "it",
  size: 1000,
  priority: 0,
  done: [],
  isPinned: false,
  mirrors: [
    { label: "m", source: "m", size: 1000, sha256: null, revision: null, whole: null, open: async () => endpoint },
  ],
  file: 0,
  path: "it.part",
  listeners: {
    onTick: nothing,
    onError: nothing,
    onBlame: nothing,
    onLost: nothing,
    onWait: nothing,
    onRestart: nothing,
  },
});
