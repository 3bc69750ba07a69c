/** Whole files read over fast lanes, for tests of the lanes themselves. */
import { expect } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { deferred } from "../../src/base/flow.ts";
import type { HttpEndpoint } from "../../src/base/mirror.ts";
import type { FastLanes } from "../../src/net/fast-lanes.ts";
import { createPositions } from "../../src/net/lane-protocol.ts";
import { createRangeSink, type RangeSink } from "../../src/net/range-sink.ts";
import type { Slab } from "../../src/net/slab.ts";

/** Where the bytes go. */
export interface Destination {
  /** A file descriptor that can be written. */
  readonly file: number;
  readonly size: number;
}

/** Takes all of the file; `ended` says how that went. */
export function sinkFor(
  endpoint: HttpEndpoint,
  slab: Slab,
  { file, size }: Destination,
): { readonly sink: RangeSink; readonly ended: Promise<string> } {
  const ended = deferred<string>();
  const sink = createRangeSink(
    { endpoint, file, start: 0, end: size, size, isGeneral: false },
    {
      slot: 0,
      slab,
      positions: createPositions(),
      nowMs: systemClock.monotonicMs,
      ends: { done: () => ended.resolve("done"), failed: (_, { message }) => ended.resolve(message) },
    },
  );
  return { sink, ended: ended.promise };
}

/** Reads the file and gives the lane back; whether the lane had been used before. */
export async function readWhole(lanes: FastLanes, endpoint: HttpEndpoint, into: Destination): Promise<boolean> {
  const { lane, isReused } = lanes.take(endpoint);
  const { sink, ended } = sinkFor(endpoint, lane.slab, into);
  lane.start(endpoint, sink);
  expect(await ended).toBe("done");
  lanes.give(endpoint, lane);
  return isReused;
}
