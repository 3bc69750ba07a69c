/** The tree of models on this box, put together: the one object that the rest of the program speaks to. */
import { resolve } from "node:path";
import type { Sha256 } from "../base/artifact.ts";
import { lazy } from "../base/flow.ts";
import type { HostPace } from "../base/host-pace.ts";
import type { TreePath } from "../base/paths.ts";
import type { Abilities } from "./abilities.ts";
import type { Adopted, AdoptOptions } from "./adopt.ts";
import type { AliasResult } from "./aliases.ts";
import { type CheckOptions, check, type Finding } from "./check.ts";
import type { FindReusableOptions, Reusable, Sought } from "./find-reusable.ts";
import { createKnownDigests } from "./known-digests.ts";
import { createLayout, type PartialPaths, STATE_FOLDERS } from "./layout.ts";
import type { Lease, LeaseOptions, LeaseTimings } from "./lease.ts";
import type { TreeEntry } from "./list.ts";
import { lookAt } from "./look.ts";
import type { Origin } from "./place.ts";
import type { Reused, ReuseOptions } from "./reuse.ts";
import type { Salvage } from "./salvage.ts";
import type { TreeState } from "./state.ts";
import type { ReadOptions, TreeParts, TreePorts, Wanted, WantedArtifact } from "./terms.ts";
import type { Unfinished } from "./unfinished.ts";
import type { Usage } from "./usage.ts";

/** The store: one copy of each file, under the name that ComfyUI looks for. */
export interface Tree {
  /** Absolute. */
  readonly root: string;
  /** See {@link check}. */
  readonly check: (wanted: Wanted, options?: CheckOptions) => Promise<Finding>;
  /** Bytes of the file that stands at `path`, perhaps through a link; null where no file does. */
  readonly sizeAt: (path: TreePath) => Promise<number | null>;
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
  /** See {@link provenAt}. */
  readonly provenAt: (path: TreePath) => Promise<Reusable | null>;
  /** See {@link findReusable}. */
  readonly findReusable: (
    wanted: readonly Sought[],
    options: FindReusableOptions,
  ) => Promise<ReadonlyMap<Sha256, Reusable>>;
  /** See {@link reuse}. */
  readonly reuse: (from: Reusable, wanted: WantedArtifact, options?: ReuseOptions) => Promise<Reused>;
  /** See {@link salvageable}. */
  readonly salvageable: (wanted: WantedArtifact) => Promise<Salvage | null>;
  /** See {@link readPaces}. */
  readonly hostPaces: () => Promise<readonly HostPace[]>;
  /** See {@link rememberPaces}. */
  readonly rememberPaces: (paces: readonly HostPace[]) => Promise<void>;
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

/** Opens the tree at `root`, which need not exist yet; touches no disk. Each verb is loaded by its first call. */
export function createTree(root: string, ports: TreePorts, timings?: LeaseTimings): Tree {
  const { clock, digest } = ports;
  const layout = createLayout(resolve(root));
  const known = createKnownDigests({ clock, digest, layout });
  const parts: TreeParts = { clock, digest, layout, known };
  // Asked for with every file: to import anew what is loaded costs more than a look at the disk.
  const placing = lazy(() => import("./place.ts"));
  const spacing = lazy(() => import("./space.ts"));
  const leasing = lazy(async () => {
    const { createLeases, LEASE_TIMINGS } = await import("./lease.ts");
    return createLeases({ layout, clock, timings: timings ?? LEASE_TIMINGS });
  });
  let prepared: Promise<void> | null = null;
  // Once: each folder is synced, which would cost a small file more than its bytes.
  const prepare = (): Promise<void> => {
    prepared ??= makeStateFolders(layout.root).catch((error: unknown) => {
      prepared = null;
      throw error;
    });
    return prepared;
  };
  return {
    root: layout.root,
    check: (wanted, options) => check(parts, wanted, options),
    sizeAt: async (path) => {
      const seen = await lookAt(layout.fileOf(path));
      return seen.kind === "file" ? seen.stamp.size : null;
    },
    partialOf: layout.partialOf,
    uploadOf: layout.uploadOf,
    digestOf: async (path, options = {}) => (await known.learn(resolve(path), options))?.sha256 ?? null,
    rememberedDigest: async (path) => (await known.recall(resolve(path)))?.sha256 ?? null,
    partialBytes: async (partial) => (await spacing()).partialBytes(partial),
    lease: async (key, options) => {
      await prepare();
      return await (await leasing())(key, options);
    },
    refuseObstacle: async (path) => (await placing()).refuseObstacle(parts, path),
    place: async (partial, wanted, origin) => (await placing()).place(parts, partial, wanted, origin),
    provenAt: async (path) => (await import("./find-reusable.ts")).provenAt(parts, path),
    findReusable: async (wanted, options) => (await import("./find-reusable.ts")).findReusable(parts, wanted, options),
    reuse: async (from, wanted, options) => (await import("./reuse.ts")).reuse(parts, from, wanted, options),
    salvageable: async (wanted) => (await import("./salvage.ts")).salvageable(parts, wanted),
    hostPaces: async () => (await import("./host-paces.ts")).readPaces(parts),
    rememberPaces: async (paces) => (await import("./host-paces.ts")).rememberPaces(parts, paces),
    sweep: async () => {
      const [{ sweepTemporary }, { sweepJournals, sweepLocks }] = await Promise.all([
        import("./sweep.ts"),
        import("./sweep-locks.ts"),
      ]);
      await sweepTemporary(layout, clock);
      await sweepLocks({ layout, clock });
      await sweepJournals({ layout, clock });
    },
    state: async () => (await import("./state.ts")).readState(layout, clock),
    abilities: async () => (await import("./abilities.ts")).tryAbilities(layout.root, clock),
    usages: async (options) => (await import("./usage.ts")).usages(parts, options),
    remove: async (path) => (await import("./remove.ts")).remove(parts, path),
    unfinished: async () => (await import("./unfinished.ts")).unfinished(layout),
    discardUnfinished: async (partial) => (await import("./unfinished.ts")).discardUnfinished(partial),
    linkAliases: async (wanted) => (await import("./aliases.ts")).linkAliases(parts, wanted),
    freeBytes: async () => (await spacing()).freeBytes(layout.root),
    list: async (options) => (await import("./list.ts")).list(parts, options),
    verify: async (paths, options) => (await import("./verify.ts")).verify(parts, paths, options),
    adopt: async (wanted, options) => (await import("./adopt.ts")).adopt(parts, wanted, options),
  };
}

async function makeStateFolders(root: string): Promise<void> {
  const { makeFolders } = await import("./folder.ts");
  await makeFolders(root, STATE_FOLDERS);
}
