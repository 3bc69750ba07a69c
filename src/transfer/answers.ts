/** The defined answer to each way in which a range can fail. Pure. */
import type { Clock } from "../base/clock.ts";
import { backoffMs } from "../base/flow.ts";
import type { LaneFailure } from "../net/lane-protocol.ts";
import { type Blame, blameOf } from "./blame.ts";
import type { LaneState, MirrorState } from "./world.ts";

export interface AnswerFacts {
  readonly nowMs: number;
  /** Whether another mirror of this job is still of use. */
  readonly hasOthers: boolean;
  /** Whether a known sha256 will prove the file. */
  readonly isPinned: boolean;
  readonly random: Clock["random"];
}

/** Failures in a row after which a mirror is given up that has rivals, or that begins at byte 0 each time. */
const MOST_FAILURES = 5;
const MOST_REFUSALS = 3;
/** Of several servers behind one address, each with a validator of its own, a lane may meet the wrong one again and again. */
const MOST_CHANGES = 6;
/** So many in a row, and its address is asked for anew: where it led may be gone, and others be well. */
const FAILURES_AT_AN_ADDRESS = 3;
/** Waits longer than this, at once or one after the other without a byte between them, are not worth it. */
export const MOST_WAIT_MS: number = 15 * 60_000;
/** However short a wait a busy server asks for, it is not asked again sooner. */
const LEAST_WAIT_MS = 250;

/**
 * Changes the mirror (and its host) as its failure asks for.
 * @returns the blame when the mirror is given up for this job, else null
 */
export function answerFailure(lane: LaneState, failure: LaneFailure, facts: AnswerFacts): Blame | null {
  if (failure.kind === "disk") return null;
  const { mirror } = lane;
  const blame = blameOf(lane, failure, facts.nowMs);
  switch (failure.kind) {
    case "network":
      if (lane.isStalled) mirror.patience = Math.min(8, mirror.patience * 2);
      return restOrDie(mirror, blame, facts);
    case "busy":
      return answerBusy(lane, failure, facts);
    case "refused":
      return answerRefusal(lane, blame, facts);
    case "changed":
      // A file that was replaced is so for whoever asks anew: what has come so far stays, and nothing else is taken.
      return facts.isPinned ? answerRefusal(lane, blame, facts) : die(mirror, blame);
    case "lied":
      if (!facts.hasOthers && mirror.failures < 2) return restOrDie(mirror, blame, facts);
      return die(mirror, blame);
    case "unusual":
      mirror.isGeneral = true;
      return null;
    default:
      return failure satisfies never;
  }
}

function restOrDie(mirror: MirrorState, blame: Blame, facts: AnswerFacts): Blame | null {
  // Lanes of one mirror tend to fail together: that is one failure, not eight.
  if (mirror.restUntilMs > facts.nowMs) return null;
  mirror.failures += 1;
  if ((facts.hasOthers || !mirror.hasRanges) && mirror.failures >= MOST_FAILURES) return die(mirror, blame);
  mirror.restUntilMs =
    facts.nowMs + backoffMs(mirror.failures - 1, { random: facts.random }, { baseMs: 200, maxMs: 8_000 });
  askAnew(mirror);
  return null;
}

function askAnew(mirror: MirrorState): void {
  if (mirror.status === "open" && mirror.failures % FAILURES_AT_AN_ADDRESS === 0) mirror.status = "closed";
}

function answerBusy(
  lane: LaneState,
  failure: Extract<LaneFailure, { kind: "busy" }>,
  facts: AnswerFacts,
): Blame | null {
  const { mirror, host } = lane;
  // Lanes of one host are told together: that is one answer, not eight.
  const isNews = host.restUntilMs <= facts.nowMs;
  const backoff = backoffMs(mirror.failures, { random: facts.random }, { baseMs: 500, maxMs: 20_000 });
  const waitMs = Math.max(LEAST_WAIT_MS, failure.waitMs ?? backoff);
  // An absurd wait ends the mirror for this file; the host is not left alone for it, or whoever has no other would stand still.
  if (waitMs <= MOST_WAIT_MS) host.restUntilMs = Math.max(host.restUntilMs, facts.nowMs + waitMs);
  if (isNews) {
    mirror.failures += 1;
    mirror.waitedMs += waitMs;
    host.budget.stepBack(facts.nowMs, waitMs);
    // A pause that it asks for is an answer of the right one; else the question waits as long as a lane would.
    if (failure.waitMs === null) askAnew(mirror);
    if (mirror.status === "closed") mirror.restUntilMs = Math.max(mirror.restUntilMs, host.restUntilMs);
  }
  if (failure.waitMs !== null && Math.max(waitMs, mirror.waitedMs) > MOST_WAIT_MS) {
    const seconds = Math.round(waitMs / 1000);
    return die(mirror, { code: "MIRROR_RATE_LIMITED", message: `${failure.message} and asks to wait ${seconds} s` });
  }
  const isFutile = mirror.failures > 2 * MOST_FAILURES && (facts.hasOthers || failure.waitMs === null);
  return isFutile ? die(mirror, { code: "MIRROR_FAILED", message: failure.message }) : null;
}

function answerRefusal({ mirror, generation }: LaneState, blame: Blame, facts: AnswerFacts): Blame | null {
  // Lanes that asked at the same old address hear the same: it has been given up already.
  if (mirror.status !== "open" || generation !== mirror.generation) return null;
  mirror.refusals += 1;
  if (mirror.refusals > (blame.code === "MIRROR_CHANGED" ? MOST_CHANGES : MOST_REFUSALS)) {
    return die(mirror, { ...blame, message: `${blame.message}, also on a fresh link` });
  }
  mirror.status = "closed";
  mirror.restUntilMs = facts.nowMs + (mirror.refusals > 1 ? 1_000 : 0);
  return null;
}

/** Asking a mirror for its address anew failed: it is asked again a few times if that may help. */
export function answerUnresolved(mirror: MirrorState, blame: Blame, facts: AnswerFacts): Blame | null {
  if (mirror.status === "dead") return null;
  const mayPass = blame.code === "MIRROR_FAILED" || blame.code === "MIRROR_STALLED";
  // It was only asked because its address failed: a server that is started anew has the old one again.
  if (mirror.failures > 0 && mirror.refusals === 0 && (mayPass || blame.code === "MIRROR_RATE_LIMITED")) {
    mirror.status = "open";
    return restOrDie(mirror, blame, facts);
  }
  // A mirror that never gave an address has been asked often enough by whoever opens it.
  if (!mayPass || mirror.generation === 0 || mirror.refusals >= MOST_REFUSALS) return die(mirror, blame);
  mirror.refusals += 1;
  mirror.status = "closed";
  mirror.restUntilMs =
    facts.nowMs + backoffMs(mirror.refusals, { random: facts.random }, { baseMs: 500, maxMs: 8_000 });
  return null;
}

function die(mirror: MirrorState, blame: Blame): Blame | null {
  if (mirror.status === "dead") return null;
  mirror.status = "dead";
  return blame;
}
