/** The tree of models on this box, put together: the one object that the rest of the program speaks to. */
import { resolve } from "node:path";
import type { Sha256 } from "../base/artifact.ts";
import type { TreePath } from "../base/paths.ts";
import { type Abilities, tryAbilities } from "./abilities.ts";
import { type Adopted, type AdoptOptions, adopt } from "./adopt.ts";
import { type AliasResult, linkAliases } from "./aliases.ts";
import { type CheckOptions, check, type Finding } from "./check.ts";
import { type FindReusableOptions, findReusable, type Reusable, type Sought } from "./find-reusable.ts";
import { makeFolders } from "./folder.ts";
import { createKnownDigests } from "./known-digests.ts";
import { createLayout, type PartialPaths, STATE_FOLDERS } from "./layout.ts";
import { LEASE_TIMINGS, type Lease, type LeaseOptions, type LeaseTimings, takeLease } from "./lease.ts";
import { list, type TreeEntry } from "./list.ts";
import { type Origin, place, refuseObstacle } from "./place.ts";
import { remove } from "./remove.ts";
import { type Reused, type ReuseOptions, reuse } from "./reuse.ts";
import { type Salvage, salvageable } from "./salvage.ts";
import { freeBytes, partialBytes } from "./space.ts";
import { readState, type TreeState } from "./state.ts";
import { sweepTemporary } from "./sweep.ts";
import { sweepJournals, sweepLocks } from "./sweep-locks.ts";
import type { ReadOptions, TreeParts, TreePorts, Wanted, WantedArtifact } from "./terms.ts";
import { discardUnfinished, type Unfinished, unfinished } from "./unfinished.ts";
import { type Usage, usages } from "./usage.ts";
import { verify } from "./verify.ts";

/** The store: one copy of each file, under the name that ComfyUI looks for. */
export interface Tree {
  /** Absolute. */
  readonly root: string;
  /** See {@link check}. */
  readonly check: (wanted: Wanted, options?: CheckOptions) => Promise<Finding>;
  /** Where to write a file until it is whole; the folder is there once a lease was taken. */
  readonly partialOf: (wanted: { readonly sha256: Sha256 | null; readonly path: TreePath }) => PartialPaths;
  /** Where the record of an unfinished upload to `place` lies, in a folder that its first writer makes. */
  readonly uploadOf: (place: string) => string;
  /** The sha256 of a file anywhere on this box, read unless it is remembered; null when it changes meanwhile. */
  readonly digestOf: (path: string, options?: ReadOptions) => Promise<Sha256 | null>;
  /** The digest of a file anywhere on this box, if it was read before and has not changed since; else null. */
  readonly rememberedDigest: (path: string) => Promise<Sha256 | null>;
  /** See {@link partialBytes}. */
  readonly partialBytes: (partial: PartialPaths) => Promise<number>;
  /** See {@link takeLease}. */
  readonly lease: (key: string, options: LeaseOptions) => Promise<Lease>;
  /** See {@link refuseObstacle}. */
  readonly refuseObstacle: (path: TreePath) => Promise<void>;
  /** See {@link place}. */
  readonly place: (partial: string, wanted: WantedArtifact, origin: Origin) => Promise<void>;
  /** See {@link findReusable}. */
  readonly findReusable: (
    wanted: readonly Sought[],
    options: FindReusableOptions,
  ) => Promise<ReadonlyMap<Sha256, Reusable>>;
  /** See {@link reuse}. */
  readonly reuse: (from: Reusable, wanted: WantedArtifact, options?: ReuseOptions) => Promise<Reused>;
  /** See {@link salvageable}. */
  readonly salvageable: (wanted: WantedArtifact) => Promise<Salvage | null>;
  /** See {@link sweepTemporary}. */
  readonly sweep: () => Promise<void>;
  /** See {@link readState}. */
  readonly state: () => Promise<TreeState>;
  /** See {@link tryAbilities}. */
  readonly abilities: () => Promise<Abilities>;
  /** See {@link usages}. */
  readonly usages: (options?: { readonly signal?: AbortSignal }) => Promise<readonly Usage[]>;
  /** See {@link remove}. */
  readonly remove: (path: string) => Promise<boolean>;
  /** See {@link unfinished}. */
  readonly unfinished: () => Promise<readonly Unfinished[]>;
  /** Removes an unfinished file with its journal; under its lease. */
  readonly discardUnfinished: (partial: PartialPaths) => Promise<void>;
  /** See {@link linkAliases}. */
  readonly linkAliases: (wanted: Wanted) => Promise<readonly AliasResult[]>;
  /** See {@link freeBytes}. */
  readonly freeBytes: () => Promise<number>;
  /** See {@link list}. */
  readonly list: (options?: { readonly signal?: AbortSignal }) => Promise<readonly TreeEntry[]>;
  /** See {@link verify}. */
  readonly verify: (paths: readonly TreePath[] | null, options?: ReadOptions) => Promise<readonly Finding[]>;
  /** See {@link adopt}. */
  readonly adopt: (wanted: readonly Wanted[], options?: AdoptOptions) => Promise<readonly Adopted[]>;
}

/** Opens the tree at `root`, which need not exist yet; touches no disk. */
export function createTree(root: string, ports: TreePorts, timings: LeaseTimings = LEASE_TIMINGS): Tree {
  const layout = createLayout(resolve(root));
  const base = { clock: ports.clock, digest: ports.digest, layout };
  const known = createKnownDigests(base);
  const parts: TreeParts = { ...base, known };
  let prepared: Promise<void> | null = null;
  // Once: each folder is synced, which would cost a small file more than its bytes.
  const prepare = (): Promise<void> => {
    prepared ??= makeFolders(layout.root, STATE_FOLDERS).catch((error: unknown) => {
      prepared = null;
      throw error;
    });
    return prepared;
  };
  return {
    root: layout.root,
    check: (wanted, options) => check(parts, wanted, options),
    partialOf: layout.partialOf,
    uploadOf: layout.uploadOf,
    digestOf: async (path, options = {}) => (await known.learn(resolve(path), options))?.sha256 ?? null,
    rememberedDigest: async (path) => (await known.recall(resolve(path)))?.sha256 ?? null,
    partialBytes,
    lease: async (key, options) => {
      await prepare();
      return await takeLease({ layout, clock: ports.clock, timings }, key, options);
    },
    refuseObstacle: (path) => refuseObstacle(parts, path),
    place: (partial, wanted, origin) => place(parts, partial, wanted, origin),
    findReusable: (wanted, options) => findReusable(parts, wanted, options),
    reuse: (from, wanted, options) => reuse(parts, from, wanted, options),
    salvageable: (wanted) => salvageable(parts, wanted),
    sweep: async () => {
      await sweepTemporary(layout, ports.clock);
      await sweepLocks({ layout, clock: ports.clock });
      await sweepJournals({ layout, clock: ports.clock });
    },
    state: () => readState(layout, ports.clock),
    abilities: () => tryAbilities(layout.root, ports.clock),
    usages: (options) => usages(parts, options),
    remove: (path) => remove(parts, path),
    unfinished: () => unfinished(layout),
    discardUnfinished,
    linkAliases: (wanted) => linkAliases(parts, wanted),
    freeBytes: () => freeBytes(layout.root),
    list: (options) => list(parts, options),
    verify: (paths, options) => verify(parts, paths, options),
    adopt: (wanted, options) => adopt(parts, wanted, options),
  };
}
