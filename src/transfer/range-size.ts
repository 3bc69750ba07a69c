/** How large the next range of a lane is. Pure. */

const MIB = 1024 * 1024;
/** What a lane gets before anything is known about its speed. */
const FIRST_BYTES = 4 * MIB;
/** A range brings at least this much, so that requests stay few; a lane that needs longer than this for it, less. */
const LEAST_BYTES = MIB;
const LEAST_LANE_SECONDS = 1;
const GRAIN_BYTES = 64 * 1024;
const MOST_BYTES = 64 * MIB;
const LEAST_SECONDS = 0.05;
/**
 * Where first bytes come at once, a range is this large even so, unless a lane needs longer than half a second for it:
 * the digest reads from the front, and waits for the lane there.
 */
const USUAL_BYTES = 32 * MIB;
const USUAL_SECONDS = 0.5;
const MOST_SECONDS = 6;
/** The wait for a first byte may take a thirtieth of a lane's time: the next range is asked for while one ends. */
const WAITS_A_RANGE = 30;
/** However near the end is, a range is worth this many such waits. */
const LEAST_WAITS = 4;

export interface LanePace {
  /** Bytes per second of one lane; 0 when unknown. */
  readonly laneRate: number;
  /** How long this host takes to the first byte. */
  readonly firstByteMs: number;
}

/**
 * Bytes to ask for: so many that waiting for first bytes stays cheap, so few that a slow lane holds up nobody,
 * and ever smaller towards the end, when `leftBytes` must be shared by `lanes`.
 */
export function rangeSize(pace: LanePace, leftBytes: number, lanes: number): number {
  const seconds = Math.max(LEAST_SECONDS, cheapSeconds(pace));
  const usual = Math.min(USUAL_BYTES, pace.laneRate * USUAL_SECONDS);
  const wish = pace.laneRate === 0 ? FIRST_BYTES : Math.max(usual, pace.laneRate * seconds);
  const share = leftBytes / (2 * Math.max(1, lanes));
  const little = pace.laneRate === 0 ? LEAST_BYTES : Math.min(LEAST_BYTES, pace.laneRate * LEAST_LANE_SECONDS);
  const least = Math.max(little, pace.laneRate * (pace.firstByteMs / 1000) * LEAST_WAITS);
  const bytes = Math.min(MOST_BYTES, Math.max(least, Math.min(wish, share)));
  const grain = bytes < LEAST_BYTES ? GRAIN_BYTES : MIB;
  return Math.ceil(bytes / grain) * grain;
}

/** So long a range takes at most, as a rule, if its lane goes on as it did. */
export function usualRangeMs(pace: Pick<LanePace, "firstByteMs">): number {
  return Math.max(USUAL_SECONDS, cheapSeconds(pace)) * 1000;
}

function cheapSeconds({ firstByteMs }: Pick<LanePace, "firstByteMs">): number {
  return Math.min(MOST_SECONDS, (firstByteMs / 1000) * WAITS_A_RANGE);
}
