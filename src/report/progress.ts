/** Events folded into what a person wants to know while it runs: each file, the whole, rates, time left. Pure. */

import type { Event, EventBody, FileProgress, MirrorShare, PlanAction, PlanLine, Summary } from "../base/events.ts";
import { emptyTable, type Table } from "./table-of-files.ts";
import { finite } from "./words.ts";

export type Phase = "waiting" | "fetching" | "verifying" | "finished" | "failed";
export type How = Extract<EventBody, { kind: "file-finished" }>["how"];

/** Why nothing moves, and until when (milliseconds since 1970) where that is known. */
export interface Wait {
  readonly on: "lock" | "rate-limit";
  readonly message: string;
  readonly untilMs: number | null;
}

export interface FileState {
  readonly model: string;
  readonly path: string;
  /** Null until the manifest or a mirror has said. */
  readonly size: number | null;
  readonly action: PlanAction;
  readonly phase: Phase;
  /** Of the file, bytes resumed from an earlier run included; while verifying, bytes verified. */
  readonly doneBytes: number;
  readonly resumedBytes: number;
  /** Smoothed. */
  readonly bytesPerSecond: number;
  /** Who carries it now, fastest first. */
  readonly mirrors: readonly string[];
  /** Milliseconds since 1970, as is {@link FileState.endedAt}. */
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  /** When its last byte moved (or it began); null before it begins. */
  readonly movedAt: number | null;
  readonly how: How | null;
  readonly shares: readonly MirrorShare[];
  readonly problem: { readonly message: string; readonly fix: string | null } | null;
  readonly wait: Wait | null;
  /** Mirrors that were left out before the file began, not told yet: if it fails, its failure may tell it better. */
  readonly dropped: readonly MirrorDropped[];
}

export type MirrorDropped = Extract<EventBody, { kind: "mirror-dropped" }>;

export interface Progress {
  /** By model, in the order of the plan. */
  readonly files: Table<FileState>;
  /** How many models finished or failed; those that were present all along do not count. */
  readonly settled: number;
  readonly root: string | null;
  /** Smoothed, of all files together. */
  readonly bytesPerSecond: number;
  /** Times of the first and the latest event. */
  readonly startedAt: number | null;
  readonly now: number;
  /** When anything last moved, began or ended. */
  readonly movedAt: number | null;
  /** Set while everything waits. */
  readonly wait: Wait | null;
  readonly summary: Summary | null;
}

/** What to start from. */
export const noProgress: Progress = {
  files: emptyTable(),
  settled: 0,
  root: null,
  bytesPerSecond: 0,
  startedAt: null,
  now: 0,
  movedAt: null,
  wait: null,
  summary: null,
};

/** A rate forgets what is older than about this. */
const SMOOTHING_MS = 2_000;

/** `progress` after `event`. Never throws: figures that make no sense count as zero. */
export function advance(progress: Progress, event: Event): Progress {
  const now = Math.max(progress.now, finite(event.time));
  return applyEvent({ ...progress, now, startedAt: progress.startedAt ?? now }, event, now - progress.now);
}

function applyEvent(progress: Progress, event: Event, passedMs: number): Progress {
  switch (event.kind) {
    case "plan":
      return { ...progress, root: event.root, files: plannedFiles(progress.files, event.lines) };
    case "file-started":
      return patchFile(
        { ...progress, wait: null, movedAt: progress.now },
        event.model,
        startedFile(event, progress.now),
      );
    case "progress":
      return applyRates(progress, event, passedMs);
    case "file-verifying":
      return patchFile({ ...progress, movedAt: progress.now }, event.model, {
        phase: "verifying",
        ...measured(event),
        bytesPerSecond: 0,
        mirrors: [],
        wait: null,
      });
    case "file-finished":
      return settle(progress, event.model, finishedFile(event));
    case "file-failed":
      return settle(progress, event.model, {
        path: event.path,
        phase: "failed",
        problem: { message: event.message, fix: event.fix ?? null },
      });
    case "waiting":
      return applyWait(progress, event);
    case "summary":
      return { ...progress, summary: event, wait: null };
    case "mirror-dropped":
      return applyDropped(progress, event);
    case "trusted":
    case "mirror-found":
    case "replaced":
    case "warning":
      return progress;
    default:
      return ignored(event, progress);
  }
}

/** A kind that a newer engine sends is no reason to fail; that none is forgotten here, the compiler checks. */
function ignored(_event: never, progress: Progress): Progress {
  return progress;
}

function emptyFile(model: string): FileState {
  return {
    model,
    path: model,
    size: null,
    action: "fetch",
    phase: "waiting",
    doneBytes: 0,
    resumedBytes: 0,
    bytesPerSecond: 0,
    mirrors: [],
    startedAt: null,
    endedAt: null,
    movedAt: null,
    how: null,
    shares: [],
    problem: null,
    wait: null,
    dropped: [],
  };
}

function plannedFiles(known: Table<FileState>, lines: readonly PlanLine[]): Table<FileState> {
  let files = known;
  for (const line of lines) {
    const before = files.get(line.model);
    // What failed before there was a plan has failed all the same.
    if (before !== undefined && isSettled(before)) continue;
    const size = line.size === null ? null : finite(line.size);
    const resumed = line.action === "resume" && size !== null ? Math.max(0, size - finite(line.fetchBytes)) : 0;
    files = files.with(line.model, {
      ...(before ?? emptyFile(line.model)),
      path: line.path,
      size,
      action: line.action,
      doneBytes: resumed,
      resumedBytes: resumed,
    });
  }
  return files;
}

function startedFile(event: Extract<EventBody, { kind: "file-started" }>, now: number): Partial<FileState> {
  const size = finite(event.size);
  const resumedBytes = Math.min(finite(event.resumedBytes), size);
  return {
    path: event.path,
    size,
    phase: "fetching",
    startedAt: now,
    movedAt: now,
    doneBytes: resumedBytes,
    resumedBytes,
    wait: null,
    problem: null,
    dropped: [],
  };
}

function applyRates(progress: Progress, event: Extract<EventBody, { kind: "progress" }>, passedMs: number): Progress {
  const bytesPerSecond = smooth(progress.bytesPerSecond, event.bytesPerSecond, passedMs);
  const isMoving = finite(event.bytesPerSecond) > 0;
  let { files, movedAt } = progress;
  for (const file of event.files) {
    const before = files.get(file.model) ?? { ...emptyFile(file.model), startedAt: progress.now };
    if (isSettled(before)) continue;
    const after = movedFile(before, file, { now: progress.now, passedMs });
    if (after.movedAt === progress.now) movedAt = progress.now;
    files = files.with(file.model, after);
  }
  return { ...progress, files, bytesPerSecond, movedAt, wait: isMoving ? null : progress.wait };
}

interface Tick {
  readonly now: number;
  readonly passedMs: number;
}

function movedFile(before: FileState, file: FileProgress, { now, passedMs }: Tick): FileState {
  const isMoving = finite(file.bytesPerSecond) > 0;
  const figures = measured(file);
  const hasMoved = figures.doneBytes !== before.doneBytes || before.phase !== "fetching" || before.movedAt === null;
  return {
    ...before,
    ...figures,
    movedAt: hasMoved ? now : before.movedAt,
    // Also what was being verified: what turned out wrong is fetched again.
    phase: "fetching",
    bytesPerSecond: smooth(before.bytesPerSecond, file.bytesPerSecond, passedMs),
    mirrors: file.mirrors,
    wait: isMoving ? null : before.wait,
  };
}

function measured(file: { readonly size: number; readonly doneBytes: number }): Pick<FileState, "size" | "doneBytes"> {
  const size = finite(file.size);
  return { size, doneBytes: Math.min(finite(file.doneBytes), size) };
}

function finishedFile(event: Extract<EventBody, { kind: "file-finished" }>): Partial<FileState> {
  const size = finite(event.size);
  return { path: event.path, size, doneBytes: size, phase: "finished", how: event.how, shares: event.mirrors };
}

function settle(progress: Progress, model: string, patch: Partial<FileState>): Progress {
  const before = progress.files.get(model);
  // Its second name was linked: nothing more to tell.
  if (before?.phase === "finished") return progress;
  const next = patchFile({ ...progress, movedAt: progress.now }, model, {
    ...patch,
    endedAt: progress.now,
    bytesPerSecond: 0,
    mirrors: [],
    wait: null,
  });
  const isNews = patch.how !== "present" && before?.phase !== "failed";
  return isNews ? { ...next, settled: progress.settled + 1 } : next;
}

function applyDropped(progress: Progress, event: MirrorDropped): Progress {
  const file = progress.files.get(event.model) ?? emptyFile(event.model);
  return file.phase === "waiting" ? patchFile(progress, event.model, { dropped: [...file.dropped, event] }) : progress;
}

function applyWait(progress: Progress, event: Extract<EventBody, { kind: "waiting" }>): Progress {
  const wait: Wait = { on: event.on, message: event.message, untilMs: event.untilMs };
  if (event.model === null) return { ...progress, wait };
  const before = progress.files.get(event.model);
  return before !== undefined && isSettled(before) ? progress : patchFile(progress, event.model, { wait });
}

function patchFile(progress: Progress, model: string, patch: Partial<FileState>): Progress {
  const file = { ...(progress.files.get(model) ?? emptyFile(model)), ...patch };
  return { ...progress, files: progress.files.with(model, file) };
}

/** The first figure counts at once; later ones pull the old rate towards them as time passes. */
function smooth(before: number, measuredRate: number, passedMs: number): number {
  const rate = finite(measuredRate);
  if (before <= 0) return rate;
  const weight = 1 - Math.exp(-Math.max(passedMs, 1) / SMOOTHING_MS);
  const next = before + (rate - before) * weight;
  return next < 1 ? 0 : next;
}

/** True when nothing more will happen to `file`. */
export function isSettled(file: FileState): boolean {
  return file.phase === "finished" || file.phase === "failed";
}

/** True when `file` was on the disk before. */
export function isPresent(file: FileState): boolean {
  return file.how === "present" || file.action === "present";
}
