/** Rounds of one fetch: in each, what is missing comes from the given mirrors, is checked on the way, and digested. */
import type { Sha256 } from "../base/artifact.ts";
import type { Mirror } from "../base/mirror.ts";
import { type ByteRange, rangeBytes, touchesRange } from "../base/range.ts";
import type { Blame } from "./blame.ts";
import { type Checks, createChecks } from "./checks.ts";
import type { EngineRun } from "./engine.ts";
import { blamesMirror, notWeights } from "./failures.ts";
import type { Ending, FetchJob, FetchPorts, FetchProgress } from "./fetch-job.ts";
import type { HeaderProblem } from "./header-check.ts";
import { EARLIER_RUN, type Ledger } from "./ledger.ts";
import { createMeter } from "./meter.ts";
import type { PartialFile } from "./partial-file.ts";

export interface Rounds {
  /**
   * Fetches what is missing from `mirrors`; durable on return.
   * @returns the sha256 of what came
   * @throws ModelsError mirror and disk codes, `NOT_WEIGHTS`; or the reason of the ending
   */
  readonly fetchFrom: (mirrors: readonly Mirror[]) => Promise<Sha256>;
  /** Mirrors that were not caught lying. */
  readonly usable: () => readonly Mirror[];
  /** A mirror was caught lying: it is counted, told and not asked again. */
  readonly convict: (source: string, message: string) => void;
  /** Takes ranges back: they are missing again. */
  readonly takeBack: (ranges: readonly ByteRange[]) => void;
  readonly labelOf: (source: string) => string;
  readonly progress: () => FetchProgress;
  readonly stop: () => void;
}

export interface RoundsPorts extends FetchPorts {
  readonly ledger: Ledger;
  readonly partial: PartialFile;
  readonly ending: Ending;
}

/** A wait shorter than this is no news. */
const TOLD_WAIT_MS = 1_000;
/** After so many wrong answers from several mirrors together, they are asked one by one. */
const MOST_SHARED_TRIES = 2;
const MOST_STRIKES = 3;

const wrongPiece = (range: ByteRange): string => `its bytes ${range.start}-${range.end - 1} have the wrong xxh64`;

export function createRounds(job: FetchJob, ports: RoundsPorts): Rounds {
  const { engine, digest, clock, ledger, partial, ending } = ports;
  const { report } = job;
  const { accounts } = ledger;
  const meter = createMeter();
  const convicted = new Set<string>();
  /** How often the piece at this byte was wrong. */
  const badTimes = new Map<number, number>();
  const strikes = new Map<string, number>();
  /** Pieces that stay wrong while several mirrors share them: each mirror is asked for them alone. */
  let doubted: ByteRange[] = [];
  let run: EngineRun | null = null;
  let mirrors: readonly Mirror[] = [];
  let headerProblems = 0;
  let isDigesting = false;
  let toldWaitUntilMs = 0;

  const labelOf = (source: string): string =>
    job.mirrors.find((mirror) => mirror.source === source)?.label ?? "an earlier run";
  const sourceOf = (index: number): string => mirrors[index]?.source ?? "";
  const usable = (): readonly Mirror[] => job.mirrors.filter(({ source }) => !convicted.has(source));
  const tellBlame = (source: string, { code, message }: Blame): void => {
    report({ kind: "mirror-dropped", model: job.model, mirror: labelOf(source), code, message });
  };
  const tellWait = (source: string, waitMs: number): void => {
    const untilMs = clock.now() + waitMs;
    if (waitMs < TOLD_WAIT_MS || untilMs < toldWaitUntilMs + TOLD_WAIT_MS) return;
    toldWaitUntilMs = untilMs;
    const message = `${labelOf(source)} limits requests and asks for a pause`;
    report({ kind: "waiting", model: job.model, on: "rate-limit", message, untilMs });
  };
  const takeBack = (ranges: readonly ByteRange[]): void => {
    ledger.spoil(ranges);
    for (const range of ranges) {
      checks.forget(range);
      run?.spoil(range);
    }
  };
  const convict = (source: string, message: string): void => {
    if (convicted.has(source) || source === EARLIER_RUN) return;
    convicted.add(source);
    const blame: Blame = { code: "MIRROR_LIED", message };
    const index = mirrors.findIndex((mirror) => mirror.source === source);
    accounts.error(source, blame);
    if (run !== null && index >= 0) run.giveUp(index, blame);
    else tellBlame(source, blame);
  };
  const onBadPiece = (range: ByteRange, sources: readonly string[]): void => {
    const [first] = sources;
    const times = (badTimes.get(range.start) ?? 0) + 1;
    badTimes.set(range.start, times);
    if (sources.length > 1 && times >= MOST_SHARED_TRIES) {
      doubted.push(range);
      return;
    }
    takeBack([range]);
    if (sources.length === 1 && first !== undefined && first !== EARLIER_RUN) strike(first, range);
  };
  /** A lie has one sender. The only mirror that is left may have been misheard: it is asked again. */
  const strike = (source: string, range: ByteRange): void => {
    const times = (strikes.get(source) ?? 0) + 1;
    strikes.set(source, times);
    const hasOthers = usable().some((mirror) => mirror.source !== source);
    if (hasOthers || times >= MOST_STRIKES) convict(source, wrongPiece(range));
    else accounts.error(source, { code: "MIRROR_LIED", message: wrongPiece(range) });
  };
  const onBadHeader = ({ problem, bytes }: HeaderProblem): void => {
    const range = { start: 0, end: bytes };
    const senders = [...new Set(ledger.sentIn(range).map(({ source }) => source))];
    const liars = senders.length === 1 ? senders.filter((source) => source !== EARLIER_RUN) : [];
    headerProblems += 1;
    const hasOthers = usable().some(({ source }) => !senders.includes(source));
    const isFinal = hasOthers ? headerProblems > job.mirrors.length : liars.length > 0 || headerProblems > 1;
    if (isFinal) return ending.reject(notWeights(job.model, problem));
    // Who sends another file sends all of another file.
    takeBack([range, ...liars.flatMap((source) => accounts.served().get(source) ?? [])]);
    for (const source of liars) convict(source, `the file ${problem}`);
  };
  const checks: Checks = createChecks(digest, {
    ...job,
    partial: partial.path,
    onBadHeader,
    onPiece: {
      sentIn: ledger.sentIn,
      onBad: onBadPiece,
      onLiar: (source, range) => convict(source, wrongPiece(range)),
    },
    onError: ending.reject,
  });

  /** Takes over what was written; never waits. */
  const absorb = (elapsedMs: number): void => {
    const entries = run?.takeWritten() ?? [];
    if (elapsedMs > 0) {
      meter.add(
        entries.reduce((sum, { range }) => sum + range.end - range.start, 0),
        elapsedMs,
      );
      accounts.active(carriers(), elapsedMs);
    }
    // A digest that has read a byte is of no use once that byte is written again.
    for (const { range } of entries) if (touchesRange(ledger.done(), range)) checks.forget(range);
    ledger.enter(entries);
    // With pieces, each is judged by itself, whoever sent it.
    const isDoubtful = (mirror: string): boolean => !checks.hasPieces && convicted.has(mirror);
    const lies = entries.filter(({ mirror }) => isDoubtful(mirror)).map(({ range }) => range);
    if (lies.length > 0) takeBack(lies);
    if (entries.length > 0) checks.look(ledger.done());
  };
  const carriers = (): readonly string[] => (run?.carriers() ?? []).map(sourceOf);
  const unlessEnded = <T>(work: Promise<T>): Promise<T> => Promise.race([ending.promise, work]);
  const begin = (): EngineRun =>
    engine.run({
      name: job.model,
      size: job.size,
      priority: job.priority,
      done: ledger.done(),
      isPinned: job.sha256 !== null,
      mirrors,
      file: partial.descriptor,
      path: partial.path,
      listeners: {
        onTick: absorb,
        onError: (index, error) => accounts.error(sourceOf(index), error),
        onLost: (index, bytes) => accounts.lost(sourceOf(index), bytes),
        onBlame: (index, blame) => tellBlame(sourceOf(index), blame),
        onWait: (index, waitMs) => tellWait(sourceOf(index), waitMs),
        onRestart: () => takeBack([{ start: 0, end: job.size }]),
      },
    });
  const end = async (ended: EngineRun): Promise<void> => {
    await ended.stop();
    absorb(0);
    run = null;
    await ledger.settle();
  };
  /** Fetches until nothing is missing and nothing that came is doubted. */
  const fill = async (): Promise<void> => {
    const own = begin();
    run = own;
    try {
      while (ledger.missingBytes() > 0) {
        await unlessEnded(own.whole());
        absorb(0);
        await unlessEnded(checks.settled());
      }
    } catch (error) {
      // What went wrong first is what is told.
      await end(own).catch(() => undefined);
      throw error;
    }
    await end(own);
  };

  /** Fetches until every byte is there and nothing that came is under suspicion. */
  const fillFrom = async (from: readonly Mirror[]): Promise<void> => {
    mirrors = from;
    checks.look(ledger.done());
    do {
      if (ledger.missingBytes() > 0) await fill();
      checks.look(ledger.done());
      await unlessEnded(checks.settled());
    } while (ledger.missingBytes() > 0);
  };
  const settleDoubts = async (): Promise<void> => {
    let lastError: unknown = null;
    for (const mirror of job.mirrors) {
      if (doubted.length === 0 && ledger.missingBytes() === 0) return;
      if (convicted.has(mirror.source)) continue;
      const ranges = doubted;
      doubted = [];
      takeBack(ranges);
      try {
        await fillFrom([mirror]);
      } catch (error) {
        if (!blamesMirror(error)) throw error;
        lastError = error;
      }
    }
    if (ledger.missingBytes() > 0) throw lastError;
  };

  return {
    fetchFrom: async (from) => {
      isDigesting = false;
      await fillFrom(from);
      await settleDoubts();
      isDigesting = true;
      checks.look(ledger.done());
      return await unlessEnded(checks.sha256());
    },
    usable,
    convict,
    takeBack,
    labelOf,
    progress: () => {
      const { model, size } = job;
      if (isDigesting) return { kind: "verifying", file: { model, doneBytes: checks.digestedBytes(), size } };
      const mirrors = [...new Set(carriers().map(labelOf))];
      const bytesPerSecond = Math.round(meter.rate());
      const doneBytes = rangeBytes(ledger.done());
      return { kind: "fetching", file: { model, doneBytes, size, bytesPerSecond, mirrors } };
    },
    stop: checks.stop,
  };
}
