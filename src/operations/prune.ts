/** Frees disk: plans what may go, and removes it file by file, each under its lease. */
import type { Clock } from "../base/clock.ts";
import { isModelsError, ModelsError } from "../base/errors.ts";
import { collisionKey, type TreePath } from "../base/paths.ts";
import type { Lock } from "../catalog/lock.ts";
import type { Model } from "../catalog/model.ts";
import type { Tree } from "../tree/tree.ts";
import type { Unfinished } from "../tree/unfinished.ts";
import { type PruneFact, type PruneLine, type PruneRules, planPrune } from "./plan-prune.ts";

export interface PruneOptions {
  /** Only what was not used (read, written, verified) for so many milliseconds. */
  readonly olderThanMs?: number;
  /** Only as much, least recently used first, as brings the tree down to so many bytes. */
  readonly maxBytes?: number;
  /** Only what neither the selection nor the lockfile needs. @default false */
  readonly isUnneeded?: boolean;
  /** Also files that modelferry neither brought nor adopted. @default false */
  readonly isForeign?: boolean;
  /** Without it nothing is removed: the report is the plan. @default false */
  readonly isSure?: boolean;
  readonly signal?: AbortSignal;
}

/** What `models prune --json` prints. */
export interface PruneReport {
  readonly root: string;
  /** False when nothing was removed because nobody said so. */
  readonly isDone: boolean;
  /** What goes first, then what stays. */
  readonly files: readonly PruneLine[];
  /** Unfinished downloads that go. */
  readonly unfinished: readonly { readonly path: string; readonly bytes: number }[];
  /** What the disk gained, or would gain. */
  readonly removedBytes: number;
  readonly keptBytes: number;
}

export interface PrunePorts {
  readonly tree: Tree;
  readonly clock: Clock;
  /** The models that stay; null when nothing is selected: then the lockfile says what is needed. */
  readonly selected: readonly Model[] | null;
  readonly readLock: () => Promise<Lock | null>;
}

/**
 * Prunes. What is needed, in use (open, mapped, or under the lease of another process) or foreign stays.
 * @throws ModelsError `USAGE` when no rule is given, `DISK_FAILED`
 */
export async function prune(ports: PrunePorts, options: PruneOptions): Promise<PruneReport> {
  const rules = rulesOf(options);
  const { tree, clock } = ports;
  const neededBy = needs(await pinned(ports, rules));
  const found = await tree.usages(options.signal === undefined ? {} : { signal: options.signal });
  const facts = found.map(
    ({ aliases, ...usage }): PruneFact => ({ ...usage, neededBy: neededBy([usage.path, ...aliases], usage.sha256) }),
  );
  const plan = planPrune(facts, rules, clock.now());
  const old = (await tree.unfinished()).filter((one) => isAbandoned(one, { rules, neededBy, nowMs: clock.now() }));
  const run = options.isSure === true ? { tree, signal: options.signal ?? new AbortController().signal } : null;
  const files: PruneLine[] = [];
  for (const line of plan.lines) files.push(run === null ? line : await removeFile(run, line));
  const gone: Unfinished[] = [];
  for (const one of old) if (run === null || (await removeUnfinished(run, one))) gone.push(one);
  const sum = (lines: readonly PruneLine[], of: "size" | "freesBytes"): number =>
    lines.reduce((bytes, line) => bytes + line[of], 0);
  const removed = files.filter(({ action }) => action === "remove");
  return {
    root: tree.root,
    isDone: run !== null,
    files,
    unfinished: gone.map(({ content, allocatedBytes }) => ({ path: content, bytes: allocatedBytes })),
    removedBytes: sum(removed, "freesBytes") + gone.reduce((bytes, { allocatedBytes }) => bytes + allocatedBytes, 0),
    keptBytes: sum(
      files.filter(({ action }) => action === "keep"),
      "size",
    ),
  };
}

function rulesOf(options: PruneOptions): PruneRules {
  const { olderThanMs = null, maxBytes = null, isUnneeded = false, isForeign = false } = options;
  if (olderThanMs !== null || maxBytes !== null || isUnneeded) return { olderThanMs, maxBytes, isUnneeded, isForeign };
  throw new ModelsError("USAGE", "Cannot prune: nothing says what may go", {
    fix: "add --older-than 30d, --max-size 200GB, or --unneeded with the kits that stay",
  });
}

interface Pinned {
  readonly models: Iterable<Pick<Model, "path" | "sha256">>;
  readonly by: string;
}

/** The lockfile grows with each sync, so that it pins only where nobody says better. */
async function pinned({ selected, readLock }: PrunePorts, { isUnneeded }: PruneRules): Promise<Pinned> {
  if (selected !== null) return { models: selected, by: "the selection" };
  if (!isUnneeded) return { models: [], by: "" };
  const lock = await readLock();
  if (lock !== null) return { models: lock.models.values(), by: "the lockfile" };
  throw new ModelsError("USAGE", "Cannot prune what is not needed: nothing is selected, and there is no lockfile", {
    fix: "name what is needed, such as --kit flux, or run models lock first",
  });
}

type Needs = (paths: readonly string[], sha256: string | null) => string | null;

/** By place and by content: a file under another name is the one that a link would be made to. */
function needs({ models, by }: Pinned): Needs {
  const keys = new Set<string>();
  for (const { path, sha256 } of models) {
    keys.add(collisionKey(path));
    if (sha256 !== null) keys.add(sha256);
  }
  return (paths, sha256) => {
    const isNeeded =
      paths.some((path) => keys.has(collisionKey(path as TreePath))) || (sha256 !== null && keys.has(sha256));
    return isNeeded ? by : null;
  };
}

/** An unfinished file goes by age, or because nothing needs what it was to become; never to make the tree smaller. */
function isAbandoned(
  { sha256, writtenAt }: Unfinished,
  { rules, neededBy, nowMs }: { readonly rules: PruneRules; readonly neededBy: Needs; readonly nowMs: number },
): boolean {
  const { olderThanMs, isUnneeded } = rules;
  if (olderThanMs === null && !isUnneeded) return false;
  const isOld = olderThanMs === null || nowMs - writtenAt >= olderThanMs;
  return isOld && neededBy([], sha256) === null;
}

interface PruneRun {
  readonly tree: Tree;
  readonly signal: AbortSignal;
}

async function removeFile(run: PruneRun, line: PruneLine): Promise<PruneLine> {
  if (line.action === "keep") return line;
  const done = await underLease(run, { key: line.sha256 ?? line.path, subject: line.path }, async () => {
    await run.tree.remove(line.path);
  });
  return done ? line : { ...line, action: "keep", why: "another process is at it" };
}

const removeUnfinished = (run: PruneRun, one: Unfinished): Promise<boolean> =>
  underLease(run, { key: one.lease, subject: one.content }, () => run.tree.discardUnfinished(one));

/** False when another process has the lease: what it writes is not ours to remove. */
async function underLease(
  { tree, signal }: PruneRun,
  { key, subject }: { readonly key: string; readonly subject: string },
  work: () => Promise<void>,
): Promise<boolean> {
  signal.throwIfAborted();
  try {
    await using _ = await tree.lease(key, { subject, signal, wait: false, onWait: () => undefined });
    await work();
    return true;
  } catch (error) {
    if (isModelsError(error, "LOCKED")) return false;
    throw error;
  }
}
