/** Small worlds for the pure parts of the scheduler: a host, a job and a lane with what a test says of them. */
import type { ByteRange } from "../../src/base/range.ts";
import { createLaneBudget } from "../../src/transfer/lane-budget.ts";
import { createMeter } from "../../src/transfer/meter.ts";
import type { HostState, JobState, LaneState, MirrorState } from "../../src/transfer/world.ts";

/** A host whose lanes do `laneRate` bytes per second each, and `rate` together. */
export function makeHost(
  more: Partial<HostState> & { readonly rate?: number; readonly laneRate?: number } = {},
): HostState {
  const { rate = 0, laneRate = 0, ...rest } = more;
  const [meter, laneMeter] = [createMeter(), createMeter()];
  if (rate > 0) meter.add(rate, 1000);
  if (laneRate > 0) laneMeter.add(laneRate, 1000);
  return {
    key: "http://host",
    guess: null,
    budget: createLaneBudget({ first: 4, most: 32, fixed: null }, 0),
    meter,
    laneMeter,
    lanes: new Set(),
    firstByteMs: 50,
    firstBytes: 0,
    restUntilMs: 0,
    lastMoveMs: 0,
    isMute: false,
    bytesSinceTick: 0,
    ...rest,
  };
}

export function makeMirror(host: HostState | null, more: Partial<MirrorState> = {}): MirrorState {
  return {
    index: 0,
    label: "mirror",
    status: "open",
    host,
    isGeneral: false,
    hasRanges: true,
    restUntilMs: 0,
    failures: 0,
    refusals: 0,
    waitedMs: 0,
    generation: 1,
    patience: 1,
    ...more,
  };
}

export function makeJob(mirrors: readonly MirrorState[], more: Partial<JobState> = {}): JobState {
  const size = more.size ?? 1_000_000_000;
  return {
    id: "job",
    size,
    priority: 0,
    order: 0,
    isPinned: false,
    mirrors: [...mirrors],
    lanes: new Set(),
    hedges: new Set(),
    hedgedBytes: 0,
    pending: [{ start: 0, end: size }],
    lastHopeMs: 0,
    isEnded: false,
    ...more,
  };
}

/** A lane of `job` over its first mirror, which takes its part of the job and its place at the host. */
export function makeLane(
  job: JobState,
  range: ByteRange,
  more: Partial<LaneState> & { readonly rate?: number } = {},
): LaneState {
  const { rate = 0, ...rest } = more;
  const [mirror] = job.mirrors;
  if (mirror === undefined || mirror.host === null) throw new Error("the job needs a mirror with a host");
  const meter = createMeter();
  if (rate > 0) meter.add(rate, 1000);
  const mark = { position: range.start, atMs: 0 };
  const lane: LaneState = {
    id: job.lanes.size + 1,
    job,
    mirror,
    host: mirror.host,
    generation: mirror.generation,
    ...range,
    position: range.start,
    startedMs: 0,
    lastMoveMs: 0,
    meter,
    marks: [mark, mark],
    cutMs: Number.NEGATIVE_INFINITY,
    isStalled: false,
    isCancelled: false,
    standsFor: null,
    spare: null,
    ...rest,
  };
  job.lanes.add(lane);
  lane.host.lanes.add(lane);
  return lane;
}
