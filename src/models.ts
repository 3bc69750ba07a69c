/** The composition root: puts every part together, each loaded by the first call that needs it. */
import { resolve } from "node:path";
import { type Clock, systemClock } from "./base/clock.ts";
import { type Environment, processEnvironment, workingFolder } from "./base/process.ts";
import type { Catalog, Model } from "./catalog/model.ts";
import type { AdoptReport } from "./operations/adopt.ts";
import { type BucketOperations, createBucketOperations } from "./operations/bucket-operations.ts";
import type { Check, CheckOptions, CheckReport } from "./operations/check.ts";
import type { CoverageReport } from "./operations/coverage.ts";
import type { DerivedKit, DeriveOptions } from "./operations/derive-kit.ts";
import type { DoctorOptions, DoctorReport } from "./operations/doctor.ts";
import type { InspectReport } from "./operations/inspect.ts";
import type { TrustedKeyReport } from "./operations/keys.ts";
import type { KitEntry } from "./operations/kits.ts";
import type { LockReport } from "./operations/lock.ts";
import type { Listing } from "./operations/ls.ts";
import { createParts } from "./operations/parts.ts";
import type { PruneOptions, PruneReport } from "./operations/prune.ts";
import type { WorkflowOptions } from "./operations/read-workflow.ts";
import type { RepairOptions, RepairReport } from "./operations/repair.ts";
import { isEmptySelection, type Selection, type Selectors } from "./operations/select.ts";
import type { SignOptions, SignReport } from "./operations/sign.ts";
import type { SignModelReport } from "./operations/sign-model.ts";
import type { SyncOptions, SyncResult } from "./operations/sync-ports.ts";
import type { Settings, SettingsFlags } from "./settings.ts";
import type { ReadOptions } from "./tree/terms.ts";
import type { KeySource } from "./trust/key-files.ts";

/** What {@link createModels} may be told; whatever is left out comes from the environment, the config or a default. */
export interface ModelsOptions extends SettingsFlags {
  /** @default the variables of this process */
  readonly environment?: Environment;
  /** Where relative paths start. @default the working folder of this process */
  readonly cwd?: string;
}

/** What tests put in the place of the outside. */
export interface ModelsPorts {
  readonly clock?: Clock;
}

/** The operations on one tree. Each returns what it found, prints nothing, and throws a `ModelsError` with a `code` and a `fix`. */
export interface Models extends BucketOperations {
  /** Makes the selection present and verified. @throws ModelsError with the gravest failure, listing all */
  readonly sync: (options?: Selectors & SyncOptions) => Promise<SyncResult>;
  /** Proves presence without network, microseconds a file. */
  readonly check: (options?: Selectors & CheckOptions) => Promise<CheckReport>;
  /** Checks, and throws `MODELS_MISSING` with one problem a model and its fix. */
  readonly require: (options?: Selectors & CheckOptions) => Promise<CheckReport>;
  /** Says what one workflow needs, node by node: a path, or the parsed graph. @throws ModelsError `WORKFLOW_INVALID` */
  readonly inspect: (workflow: unknown, options?: WorkflowOptions) => Promise<InspectReport>;
  /** Describes the named kits, or all of them. */
  readonly kits: (options?: Pick<Selectors, "kits" | "variant">) => Promise<readonly KitEntry[]>;
  /**
   * Makes a kit of what workflows need and writes it: `kits/<name>.yaml`, and `manifests/<name>.yaml` for what only the
   * workflows declare. Relative paths start at the working folder.
   * @throws ModelsError `USAGE` when a file is there already, `WORKFLOW_INVALID`, `DISK_FAILED`
   */
  readonly deriveKit: (workflows: readonly unknown[], options: DeriveOptions) => Promise<DerivedKit>;
  /** Says of each endpoint in a file whether it is ready, what it lacks, and what it needs beyond the others. */
  readonly coverage: (file: string) => Promise<CoverageReport>;
  /** Lists the files of the tree. */
  readonly ls: (options?: { readonly signal?: AbortSignal }) => Promise<Listing>;
  /** Reads files again: the selection, or every file with a receipt. */
  readonly verify: (options?: Selectors & ReadOptions) => Promise<CheckReport>;
  /**
   * Verifies, then mends what is wrong: with a piece table only the wrong pieces are fetched, else the file.
   * @throws ModelsError as `sync` does
   */
  readonly repair: (options?: Selectors & ReadOptions & RepairOptions) => Promise<RepairReport>;
  /** Takes over files that are on this box already, also in `folders`: for the selection, or the whole catalogue. */
  readonly adopt: (
    options?: Selectors & ReadOptions & { readonly folders?: readonly string[] },
  ) => Promise<AdoptReport>;
  /**
   * Frees disk: files by age, down to a size, or because nothing needs them; without `isSure` it only says what would go.
   * What is selected, in use, or not ours stays.
   * @throws ModelsError `USAGE` when no rule is given
   */
  readonly prune: (options: Selectors & PruneOptions) => Promise<PruneReport>;
  /**
   * Says what is right and wrong with this box: the machine, the disk, the state, and (unless offline) the Hub and every
   * configured mirror, asked for the selection or for anything of the catalogue.
   */
  readonly doctor: (options?: Selectors & DoctorOptions) => Promise<DoctorReport>;
  /** Pins the selection in the lockfile. */
  readonly lock: (options?: Selectors & Pick<SyncOptions, "signal" | "onEvent">) => Promise<LockReport>;
  /**
   * Signs manifests, kits, lockfiles and piece tables: `<file>.minisig` beside each. Secrets are named, never given.
   * @throws ModelsError `KEY_INVALID`, and whatever is wrong with a file
   */
  readonly sign: (files: readonly string[], options: SignOptions & { readonly key: KeySource }) => Promise<SignReport>;
  /** Signs the files of a model (a file or a folder) as OpenSSF's model-signing does, with an EC P-256 key in PEM. */
  readonly signModel: (
    path: string,
    options: { readonly key: KeySource; readonly out?: string; readonly signal?: AbortSignal },
  ) => Promise<SignModelReport>;
  /** The keys that the config trusts, and those that they vouch for. */
  readonly keys: () => Promise<readonly TrustedKeyReport[]>;
  /** Which models the selectors mean, and what a workflow asks for that nobody knows. */
  readonly select: (selectors?: Selectors) => Promise<Selection>;
  /** Manifests and kits, as read. */
  readonly catalog: () => Promise<Catalog>;
  /** The settings in force. */
  readonly settings: () => Promise<Settings>;
  /** Ends the threads that were started. Calling it twice is fine. */
  readonly close: () => Promise<void>;
}

/**
 * The one call for a set-up hook: syncs what is selected, then requires it.
 * Without selectors, `BASE_MODEL_KIT` and `PRELOAD_WORKFLOW` select.
 * @throws ModelsError whatever `sync` and `require` throw: nothing should run then
 */
export async function preload(
  selected: Selectors & SyncOptions = {},
  options: ModelsOptions = {},
): Promise<CheckReport> {
  const models = createModels(options);
  try {
    await models.sync(selected);
    return await models.require(selected);
  } finally {
    await models.close();
  }
}

/** A key's file from where relative paths start. */
function inFolder(key: KeySource, cwd: string): KeySource {
  return key.file === undefined ? key : { ...key, file: resolve(cwd, key.file) };
}

/** Puts modelferry together. Reads nothing and starts nothing before the first call. */
export function createModels(options: ModelsOptions = {}, ports: ModelsPorts = {}): Models {
  const { environment = processEnvironment(), cwd = workingFolder(), ...flags } = options;
  const clock = ports.clock ?? systemClock;
  const parts = createParts({ flags, environment, cwd, clock });
  const { settings, catalog, tree, select } = parts;
  const opened = async (): Promise<Check> => {
    const [{ createCheck }, known] = await Promise.all([import("./operations/check.ts"), tree()]);
    const check = createCheck({ tree: known, clock });
    return async (selection, asked) => {
      const signedBy = (await parts.trust({ mayRemember: false })).filter((event) => event.kind === "trusted");
      const report = await check(selection, asked);
      return signedBy.length === 0 ? report : { ...report, signedBy: signedBy.map(({ kind: _, ...entry }) => entry) };
    };
  };
  const tellTrust = async (mayRemember: boolean, onEvent: SyncOptions["onEvent"]): Promise<void> => {
    for (const event of await parts.trust({ mayRemember })) onEvent?.({ ...event, time: clock.now() });
  };
  const syncSelection = async (selection: Selection, asked: SyncOptions): Promise<SyncResult> => {
    const { createSync } = await import("./operations/sync.ts");
    const run = createSync(await parts.syncPorts(), await parts.syncSettings());
    await tellTrust(asked.isDryRun !== true, asked.onEvent);
    return await run(selection, { isOffline: flags.offline ?? false, ...asked });
  };
  const sync: Models["sync"] = async (asked = {}) => await syncSelection(await select(asked), asked);
  return {
    sync,
    check: async (asked = {}) => await (await opened())(await select(asked), asked),
    require: async (asked = {}) => {
      const { requireModels } = await import("./operations/require.ts");
      return await requireModels(await opened(), await select(asked), asked);
    },
    inspect: async (workflow, asked) => {
      const { inspectWorkflow } = await import("./operations/inspect.ts");
      const read = await parts.readWorkflow();
      return await inspectWorkflow({ tree: await tree(), match: parts.match }, await read(workflow, asked));
    },
    kits: async (asked = {}) =>
      (await import("./operations/kits.ts")).listKits(await catalog(), asked.kits, asked.variant),
    deriveKit: async (workflows, asked) => {
      const { deriveKit } = await import("./operations/derive-kit.ts");
      const names = workflows.map((one) => (typeof one === "string" ? one : "a graph"));
      return await deriveKit(await select({ workflows }), names, { ...asked, into: resolve(cwd, asked.into) });
    },
    coverage: async (file) => {
      const [{ readEndpoints }, { coverEndpoints }] = await Promise.all([
        import("./catalog/endpoints.ts"),
        import("./operations/coverage.ts"),
      ]);
      const endpoints = await readEndpoints(resolve(cwd, file));
      return await coverEndpoints({ select, check: await opened(), root: (await tree()).root, clock }, endpoints);
    },
    ls: async (asked) => (await import("./operations/ls.ts")).listFiles({ tree: await tree(), catalog }, asked),
    verify: async (asked = {}) => {
      const { verifyTree } = await import("./operations/verify.ts");
      const selection = isEmptySelection(asked) ? null : await select(asked);
      return await verifyTree({ tree: await tree(), clock }, selection, asked);
    },
    repair: async (asked = {}) => {
      const [{ verifyTree }, { repair }] = await Promise.all([
        import("./operations/verify.ts"),
        import("./operations/repair.ts"),
      ]);
      const selection = isEmptySelection(asked) ? null : await select(asked);
      const report = await verifyTree({ tree: await tree(), clock }, selection, asked);
      const ports = { tree: await tree(), catalog: await catalog(), sync: syncSelection };
      return await repair(ports, { report, selection }, asked);
    },
    adopt: async (asked = {}) => {
      const { adoptModels } = await import("./operations/adopt.ts");
      const all = async (): Promise<readonly Model[]> => [...(await catalog()).models.values()];
      const models = isEmptySelection(asked) ? await all() : (await select(asked)).models;
      const { adopt: configured, hub } = await settings();
      const folders = [...(asked.folders ?? []), ...configured];
      return await adoptModels(await tree(), models, { ...asked, places: { folders, hubCache: hub.cache } });
    },
    prune: async (asked) => {
      const { prune } = await import("./operations/prune.ts");
      const selected = isEmptySelection(asked) ? null : (await select(asked)).models;
      const { readLock: read } = await parts.syncPorts();
      const readLock = async (): ReturnType<typeof read> => await read((await settings()).lockfile);
      return await prune({ tree: await tree(), clock, selected, readLock }, asked);
    },
    doctor: async (asked = {}) => {
      const { examine } = await import("./operations/doctor.ts");
      const models = isEmptySelection(asked) ? [...(await catalog()).models.values()] : (await select(asked)).models;
      const ports = { tree: await tree(), clock, settings: await settings(), models };
      return await examine(ports, { isOffline: flags.offline ?? false, ...asked });
    },
    lock: async (asked = {}) => {
      const { lockSelection } = await import("./operations/lock.ts");
      const selection = await select(asked);
      await tellTrust(true, asked.onEvent);
      return await lockSelection(await parts.syncPorts(), await parts.syncSettings())(selection, asked);
    },
    sign: async (files, { key, ...asked }) => {
      const [{ signFiles }, { readSecretKey }] = await Promise.all([
        import("./operations/sign.ts"),
        import("./trust/key-files.ts"),
      ]);
      const { lockfile } = await settings();
      const paths = files.map((file) => resolve(cwd, file));
      return await signFiles(
        paths,
        { key: await readSecretKey(inFolder(key, cwd), environment), clock, lockfile },
        asked,
      );
    },
    signModel: async (path, { key, out, ...asked }) => {
      const { signModel, readModelKey } = await import("./operations/sign-model.ts");
      const { sha256File } = await parts.digest();
      const ports = { key: await readModelKey(inFolder(key, cwd), environment), sha256File };
      return await signModel(resolve(cwd, path), ports, {
        ...asked,
        ...(out !== undefined && { out: resolve(cwd, out) }),
      });
    },
    keys: async () => {
      const [{ describeKeyring }, guard] = await Promise.all([import("./operations/keys.ts"), parts.gate()]);
      return guard === null ? [] : describeKeyring(await guard.keyring(), clock.now());
    },
    ...createBucketOperations(parts, { cwd, clock }),
    select: async (selectors = {}) => await select(selectors),
    catalog,
    settings,
    close: parts.close,
  };
}
