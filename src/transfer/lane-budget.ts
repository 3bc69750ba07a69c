/** How many lanes one host gets: few at first, more while that pays, fewer when it does not. Pure. */

export interface LaneBudgetSettings {
  /** Lanes at the start, where nothing better is known. */
  readonly first: number;
  /** Lanes at the start as an earlier run found them best; null when nothing is remembered. @default null */
  readonly guess?: number | null;
  /** Never more than this. */
  readonly most: number;
  /** A fixed number, asked for by a person; null adapts. */
  readonly fixed: number | null;
}

export interface LaneBudget {
  /** Lanes that the host may have now. */
  readonly limit: () => number;
  /**
   * True when none may be added beyond the limit, not even for a moment: while another number is tried, or it would be
   * judged, too; and once the host was too busy, for it may mind the number.
   */
  readonly isStrict: () => boolean;
  /** Counts bytes that came from this host while `lanes` were busy, up to `nowMs`, and whether this box could do no more. */
  readonly observe: (bytes: number, lanes: number, nowMs: number, isSaturated?: boolean) => void;
  /** The host said that it is too busy, and is left alone for `waitMs`. */
  readonly stepBack: (nowMs: number, waitMs: number) => void;
  /** What was found so far, for the next run to begin with; null before anything was found, or when the number is fixed. */
  readonly found: () => FoundLanes | null;
}

/** The number of lanes that did best. */
export interface FoundLanes {
  readonly lanes: number;
  /** Bytes per second that they brought; 0 where that was not judged. */
  readonly rate: number;
}

/** New connections take their time to speed up: what they did in this time is not judged. */
const SETTLE_MS = 200;
const WINDOW_MS = 500;
/** The first lanes are only there to begin with: twice as many are tried soon after their first bytes. */
const FIRST_SETTLE_MS = 100;
const FIRST_WINDOW_MS = 150;
/** While starting, twice the lanes must bring at least this much. */
const START_GAIN = 1.15;
/** Later, a quarter more lanes must bring at least this much. */
const STEADY_GAIN = 1.05;
/** A quarter fewer lanes may cost at most this much. */
const STEADY_LOSS = 0.98;
/** A trial that brought nothing makes the next one wait twice as long. */
const FIRST_PROBE_MS = 8_000;
const RAREST_PROBE_MS = 60_000;

/** So soon after a host was too busy more lanes are tried again, or four times what it asks for; after the next time, twice as late. */
const FIRST_RETURN_MS = 2_000;
const LEAST_WAITS = 4;

/** Lanes that were busy, on the average: between two ranges a lane may rest for a moment. */
const FULL = 0.9;
/** Of the looks at a box, that found it saturated: then more lanes only wait for each other. */
const SATURATED = 0.9;
/** As few are enough for a box that is saturated by its first lanes: one waits for its next range while another is read. */
const SPARE_LANES = 2;
/**
 * Below this part of the best that its lanes did, or as much above the rate that it rests with, a host is no longer what
 * it was: more lanes are tried at once.
 */
const FALLEN = 0.7;

/** What is being tried: `from` lanes gave `rate` before. */
interface Trial {
  readonly kind: "start" | "more" | "fewer";
  readonly from: number;
  readonly rate: number;
}

export function createLaneBudget(settings: LaneBudgetSettings, nowMs: number): LaneBudget {
  const { first, guess = null } = settings;
  let limit = settings.fixed ?? Math.max(1, Math.min(guess ?? first, settings.most));
  let trial: Trial | null = settings.fixed === null ? { kind: "start", from: limit, rate: 0 } : null;
  let hasBytes = false;
  let windowFromMs = nowMs;
  let windowMs = WINDOW_MS;
  let windowBytes = 0;
  let looks = 0;
  let lanesSeen = 0;
  let saturatedLooks = 0;
  /** There were more lanes than this box had time for. */
  let isSpared = false;
  let isCounting = false;
  let steadySinceMs = nowMs;
  let probeAfterMs = FIRST_PROBE_MS;
  let isNextProbeUp = true;
  /** The rate with which it came to rest; endless where none was judged. */
  let restRate = Number.POSITIVE_INFINITY;
  /** The best rate since then. */
  let steadyRate = 0;
  /** How long it is left with fewer, after it was too busy for what it had; else null. */
  let returnMs: number | null = null;
  let nextReturnMs = FIRST_RETURN_MS;
  let wasBusy = false;

  /** Counts what is observed in the `lengthMs` after `settleMs` from now. */
  const openWindow = (at: number, settleMs = 0, lengthMs = WINDOW_MS): void => {
    windowFromMs = at + settleMs;
    windowMs = lengthMs;
    windowBytes = 0;
    looks = 0;
    lanesSeen = 0;
    saturatedLooks = 0;
    isCounting = settleMs === 0;
  };
  const attempt = (next: Trial, lanes: number, at: number): void => {
    trial = next;
    limit = lanes;
    openWindow(at, SETTLE_MS);
  };
  const rest = (lanes: number, at: number, rate: number | null = null): void => {
    const isRepeated = trial !== null && trial.kind !== "start" && lanes === trial.from;
    probeAfterMs = isRepeated ? Math.min(RAREST_PROBE_MS, probeAfterMs * 2) : FIRST_PROBE_MS;
    trial = null;
    limit = lanes;
    returnMs = null;
    steadySinceMs = at;
    restRate = rate ?? Number.POSITIVE_INFINITY;
    steadyRate = rate ?? 0;
    openWindow(at);
  };
  const judge = (rate: number, at: number, isSaturated: boolean): void => {
    if (trial === null) return probe(rate, at, isSaturated);
    const { kind, from, rate: before } = trial;
    if (kind === "start" && isSaturated && before === 0) {
      isSpared = limit >= SPARE_LANES;
      return rest(Math.min(limit, SPARE_LANES), at);
    }
    if (kind === "start" && isSaturated) return rest(rate < before * STEADY_GAIN ? from : limit, at, rate);
    if (kind === "start") {
      if (rate < before * START_GAIN || limit >= settings.most)
        return rate < before * STEADY_GAIN ? rest(from, at, before) : rest(limit, at, rate);
      return attempt({ kind, from: limit, rate }, Math.min(settings.most, limit * 2), at);
    }
    if (kind === "more") {
      if (rate < before * STEADY_GAIN) return rest(from, at, before);
      return limit >= settings.most
        ? rest(limit, at)
        : attempt({ kind, from: limit, rate }, Math.min(settings.most, quarterMore(limit)), at);
    }
    if (rate < before * STEADY_LOSS) rest(from, at, before);
    else rest(limit, at, rate);
  };
  const probe = (rate: number, at: number, isSaturated: boolean): void => {
    if (isSpared && !isSaturated) {
      isSpared = false;
      return attempt({ kind: "start", from: limit, rate }, Math.min(settings.most, limit * 2), at);
    }
    steadyRate = Math.max(steadyRate, rate);
    // Losses slow connections down one by one, and hide what more of them brought when they were tried; a link that was
    // full of other things is free again.
    const isOther = rate < steadyRate * FALLEN || rate * FALLEN > restRate;
    const isBack = returnMs !== null && at - steadySinceMs >= returnMs;
    if ((isOther || isBack) && limit < settings.most) {
      return attempt({ kind: "start", from: limit, rate }, Math.min(settings.most, limit * 2), at);
    }
    if (at - steadySinceMs < probeAfterMs) return openWindow(at);
    const isUp = isNextProbeUp && !isSaturated ? limit < settings.most : limit <= 1;
    isNextProbeUp = !isNextProbeUp;
    const lanes = isUp ? Math.min(settings.most, quarterMore(limit)) : Math.max(1, limit - Math.ceil(limit / 4));
    if (lanes === limit) return rest(limit, at);
    attempt({ kind: isUp ? "more" : "fewer", from: limit, rate }, lanes, at);
  };

  return {
    limit: () => limit,
    isStrict: () => trial !== null || wasBusy,
    observe: (bytes, lanes, at, isSaturated = false) => {
      if (settings.fixed !== null) return;
      if (!hasBytes) {
        hasBytes = bytes > 0;
        // A guess is judged in full: connections that still speed up would make twice as many look better in every run.
        if (guess === null) openWindow(at, FIRST_SETTLE_MS, FIRST_WINDOW_MS);
        else openWindow(at, SETTLE_MS);
        return;
      }
      // Fewer lanes are judged only when the surplus ones have ended.
      if ((trial?.kind === "fewer" || wasBusy) && lanes > limit) openWindow(at, SETTLE_MS);
      if (!isCounting) {
        // These bytes came before now: the window begins with the next ones.
        isCounting = at >= windowFromMs;
        windowFromMs = Math.max(windowFromMs, at);
        return;
      }
      windowBytes += bytes;
      looks += 1;
      saturatedLooks += isSaturated ? 1 : 0;
      lanesSeen += Math.min(lanes, limit);
      const ms = at - windowFromMs;
      if (ms < windowMs) return;
      const rate = (windowBytes / ms) * 1000;
      // A host with less to do than it has lanes for says nothing about more lanes.
      const isFull = lanesSeen >= limit * looks * FULL;
      if (isFull && windowBytes > 0) judge(rate, at, saturatedLooks >= looks * SATURATED);
      else if (trial !== null && isInVain(trial, rate, lanesSeen / looks)) rest(trial.from, at, trial.rate);
      else openWindow(at);
    },
    stepBack: (at, waitMs) => {
      if (settings.fixed !== null) return;
      wasBusy = true;
      const delayMs = Math.max(nextReturnMs, LEAST_WAITS * waitMs);
      nextReturnMs = Math.min(RAREST_PROBE_MS, delayMs * 2);
      // More than it had is too much for it, and what it had is not.
      if (trial !== null && trial.from < limit) {
        rest(trial.from, at);
        probeAfterMs = delayMs;
        isNextProbeUp = true;
        return;
      }
      const half = Math.max(1, Math.floor(limit / 2));
      // What was only guessed is given up at once: to halve it again and again would cost one wait after the other.
      const isGuessed = guess !== null && trial?.kind === "start" && trial.rate === 0;
      rest(isGuessed ? Math.min(first, half) : half, at);
      returnMs = delayMs;
    },
    found: () => {
      if (settings.fixed !== null) return null;
      if (trial === null) return { lanes: limit, rate: steadyRate };
      return trial.rate === 0 ? null : { lanes: trial.from, rate: trial.rate };
    },
  };
}

/**
 * True when as many more lanes as a later trial would add brought nothing, though not all of them could be opened: other
 * hosts have what is left, and would wait without end for those that this one holds while it tries.
 */
function isInVain({ kind, from, rate: before }: Trial, rate: number, lanes: number): boolean {
  return kind !== "fewer" && lanes >= quarterMore(from) && rate < before * STEADY_GAIN;
}

const quarterMore = (lanes: number): number => lanes + Math.max(1, Math.floor(lanes / 4));
