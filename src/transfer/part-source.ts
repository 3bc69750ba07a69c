/** The parts of one artifact from all of its mirrors at once: the faster one gets more, a slow one loses what it holds. */
import { setMaxListeners } from "node:events";
import type { Clock } from "../base/clock.ts";
import { type ErrorCode, ModelsError } from "../base/errors.ts";
import type { MirrorError, MirrorShare } from "../base/events.ts";
import { anySignal, backoffMs } from "../base/flow.ts";
import type { Endpoint, Mirror } from "../base/mirror.ts";
import type { LaneFailure } from "../net/lane-protocol.ts";
import type { MemoryReader } from "../net/memory-reader.ts";
import { MOST_WAIT_MS } from "./answers.ts";
import { createMeter, type Meter } from "./meter.ts";
import type { Part } from "./part-plan.ts";
import type { Pieces } from "./piece-check.ts";

export interface PartSourceOptions {
  readonly model: string;
  readonly size: number;
  readonly mirrors: readonly Mirror[];
  /** Judges each part as it comes, where its pieces are the parts. */
  readonly pieces: Pieces | null;
  /** Whether a known sha256 will prove the whole. */
  readonly isPinned: boolean;
  readonly partBytes: number;
  /** Hears why a mirror is asked no more. */
  readonly onDropped: (mirror: Mirror, code: ErrorCode, message: string) => void;
}

export interface PartSource extends Disposable {
  /** @throws ModelsError `NO_MIRROR` and its kin when no mirror is left */
  readonly fill: (part: Part, into: Uint8Array, signal: AbortSignal) => Promise<void>;
  /** False for a part that is not what its piece says; whoever sent it is asked no more. */
  readonly judge: (part: Part, figures: { readonly xxh64: string }) => boolean;
  /** What each mirror brought, also in vain. */
  readonly shares: () => readonly MirrorShare[];
}

interface Source {
  readonly mirror: Mirror;
  readonly meter: Meter;
  endpoint: Endpoint | null;
  active: number;
  bytes: number;
  busyMs: number;
  errors: number;
  lastError: MirrorError | null;
  failuresInRow: number;
  /** How often its address was refused, or led to another version, without a byte since. */
  refusals: number;
  isReopening: boolean;
  restUntilMs: number;
  isDead: boolean;
}

/** One range on its way. */
interface Lane {
  readonly source: Source;
  /** What it reads from; null while that is being asked for. */
  endpoint: Endpoint | null;
  readonly start: number;
  readonly end: number;
  readonly startedMs: number;
  readonly abort: AbortController;
  position: number;
  /** Received since the last look. */
  fresh: number;
  lastMoveMs: number;
}

const LOOK_EVERY_MS = 250;
const SILENCE_MS = 15_000;
const MOST_FAILURES = 5;
/** A rival takes over when it would need less than half of the time, and that saves at least this much. */
const WORTH_MS = 1_000;
const TAKEN_OVER = Symbol("another mirror goes on with it");

export function createPartSource(
  options: PartSourceOptions,
  ports: { readonly reader: Pick<MemoryReader, "read">; readonly clock: Clock },
): PartSource {
  const { clock, reader } = ports;
  const sources: readonly Source[] = options.mirrors.map((mirror) => ({
    mirror,
    meter: createMeter(),
    endpoint: null,
    active: 0,
    bytes: 0,
    busyMs: 0,
    errors: 0,
    lastError: null,
    failuresInRow: 0,
    refusals: 0,
    isReopening: false,
    restUntilMs: 0,
    isDead: false,
  }));
  const lanes = new Set<Lane>();
  const senders = new Map<number, Set<Source>>();
  let lastBlame: MirrorError | null = null;
  let lastLookMs = clock.monotonicMs();

  const drop = (source: Source, code: ErrorCode, message: string): void => {
    if (source.isDead) return;
    source.isDead = true;
    lastBlame = { code, message: `${source.mirror.label}: ${message}` };
    options.onDropped(source.mirror, code, message);
    for (const lane of lanes) if (lane.source === source) lane.abort.abort(TAKEN_OVER);
  };
  const look = (): void => {
    const nowMs = clock.monotonicMs();
    const elapsedMs = nowMs - lastLookMs;
    lastLookMs = nowMs;
    for (const source of sources) measure(source, lanes, elapsedMs);
    for (const lane of lanes) {
      if (nowMs - lane.lastMoveMs > SILENCE_MS) lane.abort.abort(new Error(`it was silent for ${SILENCE_MS / 1000} s`));
      else if (rivalFor(lane, sources, nowMs) !== null) lane.abort.abort(TAKEN_OVER);
    }
  };
  const stopLooking = clock.every(LOOK_EVERY_MS, look);

  const next = async (signal: AbortSignal): Promise<Source> => {
    for (;;) {
      const alive = sources.filter(({ isDead }) => !isDead);
      if (alive.length === 0) throw noneLeft(options.model, lastBlame);
      const nowMs = clock.monotonicMs();
      const ready = alive.filter(({ restUntilMs }) => restUntilMs <= nowMs);
      const [best] = [...ready].sort((one, other) => worth(other) - worth(one));
      if (best !== undefined) return best;
      await clock.sleep(Math.min(...alive.map(({ restUntilMs }) => restUntilMs)) - nowMs, signal);
    }
  };
  /** A signed link that ran out, or another server behind it: it is asked for again, once for all lanes. */
  const reopen = async (source: Source, refused: Endpoint, signal: AbortSignal): Promise<void> => {
    if (source.endpoint !== refused) return;
    if (!source.isReopening) {
      source.isReopening = true;
      source.refusals += 1;
      if (source.refusals > 1) source.restUntilMs = clock.monotonicMs() + backoffMs(source.refusals - 2, clock);
    }
    const fresh = await source.mirror.open(signal, refused).catch(() => null);
    if (source.endpoint !== refused) return;
    source.endpoint = fresh;
    source.isReopening = false;
  };
  const answer = async (lane: Lane, failure: LaneFailure, signal: AbortSignal): Promise<void> => {
    const { source, endpoint } = lane;
    source.errors += 1;
    const [code, { message }] = [failureCode(failure), failure];
    source.lastError = { code, message };
    const isRefusal = failure.kind === "refused" || (failure.kind === "changed" && options.isPinned);
    if (isRefusal && endpoint !== null && source.refusals < MOST_FAILURES) return reopen(source, endpoint, signal);
    source.failuresInRow += 1;
    const isFinal = isRefusal || failure.kind === "changed" || failure.kind === "lied";
    if (isFinal || source.failuresInRow >= MOST_FAILURES) return drop(source, code, message);
    const asked = failure.kind === "busy" ? failure.waitMs : null;
    if (asked !== null && asked > MOST_WAIT_MS) {
      const seconds = Math.round(asked / 1000);
      return drop(source, "MIRROR_RATE_LIMITED", `${failure.message} and asks to wait ${seconds} s`);
    }
    source.restUntilMs = clock.monotonicMs() + (asked ?? backoffMs(source.failuresInRow - 1, clock));
  };
  const readSome = async (part: Part, into: Uint8Array, from: number, signal: AbortSignal): Promise<number> => {
    const source = await next(signal);
    const nowMs = clock.monotonicMs();
    const abort = new AbortController();
    const range = { start: from, end: part.end, position: from };
    const lane: Lane = { source, endpoint: null, ...range, abort, fresh: 0, startedMs: nowMs, lastMoveMs: nowMs };
    const stop = anySignal(signal, lane.abort.signal);
    setMaxListeners(0, stop);
    source.active += 1;
    lanes.add(lane);
    try {
      lane.endpoint = source.endpoint ??= await source.mirror.open(stop);
      const failure = await reader.read({
        endpoint: lane.endpoint,
        start: from,
        end: part.end,
        size: options.size,
        into: into.subarray(from - part.start),
        signal: stop,
        onReceived: (bytes) => {
          lane.position += bytes;
          lane.fresh += bytes;
          lane.lastMoveMs = clock.monotonicMs();
          source.bytes += bytes;
          if (lane.endpoint === source.endpoint) source.refusals = 0;
        },
      });
      signal.throwIfAborted();
      if (lane.position > from) senders.set(part.number, (senders.get(part.number) ?? new Set()).add(source));
      if (failure === null) source.failuresInRow = 0;
      else if (lane.abort.signal.reason !== TAKEN_OVER) await answer(lane, failure, signal);
    } catch (error) {
      signal.throwIfAborted();
      if (lane.abort.signal.reason !== TAKEN_OVER) drop(source, codeOf(error), messageOf(error));
    } finally {
      lanes.delete(lane);
      source.active -= 1;
    }
    return lane.position;
  };

  return {
    fill: async (part, into, signal) => {
      senders.delete(part.number);
      for (let position = part.start; position < part.end; ) {
        position = await readSome(part, into, position, signal);
      }
    },
    judge: (part, { xxh64 }) => {
      const { pieces, partBytes } = options;
      if (pieces === null || pieces.pieceBytes !== partBytes || pieces.xxh64[part.number - 1] === xxh64) return true;
      for (const source of senders.get(part.number) ?? []) {
        drop(source, "MIRROR_LIED", `the piece at byte ${part.start} has the wrong xxh64`);
      }
      return false;
    },
    shares: () =>
      sources.map(({ mirror, bytes, busyMs, errors, lastError }) => ({
        label: mirror.label,
        bytes,
        bytesPerSecond: busyMs > 0 ? Math.round((bytes / busyMs) * 1000) : 0,
        errors,
        ...(lastError !== null && { lastError }),
      })),
    [Symbol.dispose]: stopLooking,
  };
}

/** What one lane of this mirror brings; one that nobody has tried is worth a try. */
function worth(source: Source): number {
  if (source.bytes === 0) return source.active === 0 ? Number.POSITIVE_INFINITY : 0;
  return source.meter.rate();
}

/** The rate of one lane, over the time in which there was one. */
function measure(source: Source, lanes: ReadonlySet<Lane>, elapsedMs: number): void {
  const own = [...lanes].filter((lane) => lane.source === source);
  if (own.length === 0 || elapsedMs <= 0) return;
  const bytes = own.reduce((sum, { fresh }) => sum + fresh, 0);
  for (const lane of own) lane.fresh = 0;
  source.busyMs += elapsedMs;
  source.meter.add(bytes / own.length, elapsedMs);
}

/** Another mirror that would be through with the rest of `lane` much sooner, or null. */
function rivalFor(lane: Lane, sources: readonly Source[], nowMs: number): Source | null {
  const leftBytes = lane.end - lane.position;
  const leftMs = (leftBytes / Math.max(1, rateOf(lane, nowMs))) * 1000;
  const rival = sources.find((other) => {
    if (other === lane.source || other.isDead || other.restUntilMs > nowMs || other.bytes === 0) return false;
    const theirMs = (leftBytes / Math.max(1, other.meter.rate())) * 1000;
    return theirMs < leftMs / 2 && leftMs - theirMs > WORTH_MS;
  });
  return rival ?? null;
}

/** A lane that is new is believed to be like the others of its mirror. */
function rateOf({ source, position, start, startedMs }: Lane, nowMs: number): number {
  const ms = nowMs - startedMs;
  return ms < WORTH_MS ? source.meter.rate() : ((position - start) / ms) * 1000;
}

function noneLeft(model: string, blame: MirrorError | null): ModelsError {
  const seen = blame === null ? "it has no mirror" : `no mirror is left (${blame.message})`;
  return new ModelsError(blame?.code ?? "NO_MIRROR", `Cannot mirror "${model}": ${seen}`, {
    fix: "add another source to its manifest entry, or try again later",
  });
}

function failureCode({ kind }: LaneFailure): ErrorCode {
  if (kind === "changed") return "MIRROR_CHANGED";
  if (kind === "lied") return "MIRROR_LIED";
  return kind === "busy" ? "MIRROR_RATE_LIMITED" : "MIRROR_FAILED";
}

const codeOf = (error: unknown): ErrorCode => (error instanceof ModelsError ? error.code : "MIRROR_FAILED");
const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
