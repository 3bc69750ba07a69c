/** What a mirror is blamed for, for each way in which a range can fail. Pure. */
import type { MirrorError } from "../base/events.ts";
import type { LaneFailure } from "../net/lane-protocol.ts";
import type { LaneState } from "./world.ts";

/** What a mirror did wrong. */
export type Blame = MirrorError;

/** A failure that has a mirror to blame: the disk is this box's own. */
export type MirrorFailure = Exclude<LaneFailure, { kind: "disk" }>;

/** The blame for the failure of a range of `lane`, whether its mirror is given up for that or not. */
export function blameOf(lane: LaneState, failure: MirrorFailure, nowMs: number): Blame {
  const { message } = failure;
  switch (failure.kind) {
    case "network":
      return lane.isStalled ? stalled(nowMs - lane.lastMoveMs) : { code: "MIRROR_FAILED", message };
    case "busy":
      return { code: failure.status === 429 ? "MIRROR_RATE_LIMITED" : "MIRROR_FAILED", message };
    case "refused":
      return { code: refusalCode(failure.status), message };
    case "changed":
      return { code: "MIRROR_CHANGED", message };
    case "lied":
      return { code: "MIRROR_LIED", message };
    case "unusual":
      return { code: "MIRROR_FAILED", message };
    default:
      return failure satisfies never;
  }
}

function stalled(silentMs: number): Blame {
  return { code: "MIRROR_STALLED", message: `it sent nothing for ${(Math.round(silentMs) / 1000).toFixed(1)} s` };
}

function refusalCode(status: number): Blame["code"] {
  if (status < 400) return "MIRROR_FAILED";
  return status === 401 || status === 403 ? "SOURCE_UNAUTHORIZED" : "SOURCE_NOT_FOUND";
}
