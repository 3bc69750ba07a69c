/** Faults of the connection: it breaks, falls silent, crawls, or leads to nobody. */
import {
  dieAfter,
  dropAfter,
  isRanged,
  nth,
  type Predicate,
  resetAfter,
  slowFrom,
  stallAfter,
  stallHead,
  truncateAfter,
} from "../../tests/origins/index.ts";
import type { Draw } from "./draw.ts";
import type { Site, TortureFault } from "./fault.ts";
import { PROBE_RANGE } from "./watch.ts";

/** Ranges of the transfer itself: not the first small one, with which every mirror is looked at. */
const isLane: Predicate = (asked) => isRanged(asked) && asked.headers.range !== PROBE_RANGE;
export const soon = (draw: Draw): number => draw.whole(1, 5);
/** Somewhere in the body of a range. */
const inBody = (draw: Draw): number => draw.whole(1, 600_000);
export const few = (draw: Draw): number => draw.whole(1, 3);

/** A few range requests in a row, beginning soon. */
export function some(draw: Draw): ReturnType<typeof nth> {
  const first = soon(draw);
  return nth(draw.chance(0.5) ? isLane : isRanged, first, first + few(draw) - 1);
}

const passing = (id: string, says: string, apply: (site: Site, draw: Draw) => void): TortureFault => ({
  id,
  says,
  course: "passes",
  apply,
});

export const CONNECTION_FAULTS: readonly TortureFault[] = [
  passing("reset", "RST in the middle of a body", (site, draw) => site.add(some(draw), resetAfter(inBody(draw)))),
  passing("reset-at-once", "RST before the first byte of a body", (site, draw) => site.add(some(draw), resetAfter(0))),
  passing("early-close", "orderly close before the promised length", (site, draw) =>
    site.add(some(draw), truncateAfter(inBody(draw))),
  ),
  passing("no-goodbye", "the connection is gone, under TLS without a closing notice", (site, draw) =>
    site.add(some(draw), dropAfter(inBody(draw))),
  ),
  passing("stall", "silence in the middle of a body", (site, draw) =>
    site.add(nth(isLane, draw.whole(1, 5)), stallAfter(inBody(draw)), { times: 1 }),
  ),
  passing("stall-head", "silence before the head of an answer", (site, draw) =>
    site.add(nth(isLane, draw.whole(1, 4)), stallHead("silent"), { times: 1 }),
  ),
  passing("torn-head", "silence in the middle of a head", (site, draw) =>
    site.add(nth(isLane, draw.whole(1, 4)), stallHead("torn"), { times: 1 }),
  ),
  passing("slowloris", "one byte a second from some byte on", (site, draw) =>
    site.add(nth(isLane, draw.whole(1, 5)), slowFrom(inBody(draw), 1), { times: 1 }),
  ),
  passing("dies", "the whole server dies and comes back", (site, draw) =>
    site.add(nth(isLane, draw.whole(1, 5)), dieAfter(inBody(draw), draw.whole(200, 1_200)), { times: 1 }),
  ),
  {
    id: "dies-for-good",
    says: "the whole server dies and stays away",
    course: "fatal-slowly",
    apply: (site, draw) => site.add(nth(isLane, draw.whole(1, 5)), dieAfter(inBody(draw)), { times: 1 }),
  },
  {
    id: "resets-always",
    says: "RST in every body",
    course: "fatal-slowly",
    apply: (site) => site.add(isRanged, resetAfter(0)),
  },
  {
    id: "stalls-always",
    says: "silence in every body",
    course: "fatal-slowly",
    apply: (site, draw) => site.add(isLane, stallAfter(draw.whole(0, 100_000))),
  },
];
