/** The parts of one composition, each built when first asked for, so that a check loads no network. */
import type { Clock } from "../base/clock.ts";
import type { EventBody } from "../base/events.ts";
import type { Environment } from "../base/process.ts";
import type { ExtraFolder } from "../catalog/extra-paths.ts";
import type { Catalog } from "../catalog/model.ts";
import type { Digest } from "../digest/digest.ts";
import type { Settings, SettingsFlags } from "../settings.ts";
import type { Tree } from "../tree/tree.ts";
import type { Reference } from "../workflow/reference.ts";
import type { Match } from "./match-references.ts";
import type { Gate } from "./open-guard.ts";
import type { WorkflowReading } from "./read-workflow.ts";
import { isEmptySelection, type Selection, type Selectors, selectModels } from "./select.ts";
import type { SyncPorts, SyncSettings } from "./sync-ports.ts";

export interface Composition {
  readonly flags: SettingsFlags;
  readonly environment: Environment;
  /** Where relative paths start. */
  readonly cwd: string;
  readonly clock: Clock;
}

export interface Parts {
  readonly settings: () => Promise<Settings>;
  readonly catalog: () => Promise<Catalog>;
  readonly tree: () => Promise<Tree>;
  /** What asks for signatures; null when the settings trust no key, and so ask for none. */
  readonly gate: () => Promise<Gate | null>;
  readonly digest: () => Promise<Digest>;
  /**
   * Proves the lockfile beside the catalogue, and gives what to tell of signatures; nothing without a gate.
   * @throws ModelsError `SIGNATURE_*`, `ROLLBACK_REFUSED`
   */
  readonly trust: (options: { readonly mayRemember: boolean }) => Promise<readonly EventBody[]>;
  /** Without selectors, what the environment selects. */
  readonly select: (selectors: Selectors) => Promise<Selection>;
  readonly readWorkflow: () => Promise<WorkflowReading>;
  /** Which models references mean: those of the catalogue and, where nobody knows a file, what its author declares. */
  readonly match: (references: readonly Reference[]) => Promise<readonly Match[]>;
  readonly syncPorts: () => Promise<SyncPorts>;
  readonly syncSettings: () => Promise<SyncSettings>;
  readonly close: () => Promise<void>;
}

/** Builds nothing yet. */
export function createParts({ flags, environment, cwd, clock }: Composition): Parts {
  const settings = once(async () => {
    const { resolveSettings } = await import("../settings.ts");
    return await resolveSettings(flags, environment, cwd, {
      readConfig: async (file) => (await import("../catalog/config.ts")).readConfig(file),
    });
  });
  const fetchText = async (url: string, signal?: AbortSignal): Promise<string> =>
    (await import("./open-network.ts")).fetchText({ settings: await settings(), clock }, url, signal);
  const gate = once(async () => {
    const { trust, root, allowDowngrade: mayLower } = await settings();
    if (trust === null) return null;
    return (await import("./open-guard.ts")).openGate({ trust, root, mayLower }, { clock, fetchText });
  });
  const catalog = once(async () => {
    const [{ loadCatalog }, { readPrepared }, { BUILT_IN, PREPARED_CATALOG }, known] = await Promise.all([
      import("../catalog/load.ts"),
      import("../catalog/prepared.ts"),
      import("../settings.ts"),
      settings(),
    ]);
    const prepared = readPrepared(PREPARED_CATALOG, BUILT_IN);
    return await loadCatalog(known, { fetchText, admit: (await gate())?.admit, prepared });
  });
  const askServer = once(async () => {
    const known = await settings();
    if (known.comfyui === null) return null;
    return await (await import("./ask-comfyui.ts")).askComfyui(known, known.comfyui, clock);
  });
  const fetchBytes = async (url: string): Promise<Uint8Array> =>
    (await import("./fetch-workflow.ts")).fetchWorkflow(await settings(), url, clock);
  const readWorkflow = once(async () =>
    (await import("./read-workflow.ts")).openWorkflowReading({ cwd, askServer, fetchBytes }),
  );
  const digests = createLazyDigest();
  const tree = once(async () => {
    const [{ createTree }, { withElsewhere }, known] = await Promise.all([
      import("../tree/tree.ts"),
      import("./elsewhere.ts"),
      settings(),
    ]);
    const sha256File: Digest["sha256File"] = async (path, options) => (await digests.open()).sha256File(path, options);
    const open = (folder: string): Tree => createTree(folder, { clock, digest: { sha256File } });
    return withElsewhere(open(known.root), await extraFolders(known.extraModelPaths, environment), open);
  });
  const shared = once(async () =>
    (await import("./shared-transfer.ts")).shareTransfer(await settings(), {
      clock,
      digest: digests.open,
      memory: tree,
    }),
  );
  const match: Parts["match"] = async (references) => await matchWith(references, await catalog(), await settings());
  return {
    settings,
    catalog,
    tree,
    gate,
    digest: digests.open,
    trust: async (options) => {
      const guard = await gate();
      if (guard === null) return [];
      const [{ readLock }, { settleTrust }] = await Promise.all([
        import("../catalog/lockfile.ts"),
        import("./signers.ts"),
        catalog(),
      ]);
      await readLock((await settings()).lockfile, guard.admit);
      return await settleTrust(guard, options);
    },
    select: async (selectors) => {
      const wanted = isEmptySelection(selectors) ? await environmentSelectors(environment) : selectors;
      return await selectModels(wanted, await catalog(), async (workflow) => {
        const { asked } = await (await readWorkflow())(workflow, { set: wanted.set ?? [] });
        return await match(asked.references);
      });
    },
    readWorkflow,
    match,
    syncPorts: async () => {
      const [lockfile, changing, known, guard] = await Promise.all([
        import("../catalog/lockfile.ts"),
        import("./change-lock.ts"),
        settings(),
        gate(),
      ]);
      const admit = guard?.admit;
      const openNetwork: SyncPorts["openNetwork"] = async (report) =>
        (await import("./open-network.ts")).openNetwork(known, { clock, shared: await shared(), admit }, report);
      const readLock: SyncPorts["readLock"] = (path) => lockfile.readLock(path, admit);
      const changeLock = changing.createChangeLock({ clock, readLock });
      const sweepLock = (path: string): Promise<void> => changing.sweepLockfile(path, clock);
      return { tree: await tree(), openNetwork, readLock, changeLock, sweepLock, clock };
    },
    syncSettings: async () => {
      const { lockfile, adopt, hub, limits, allowPickle, trustFirstUse, trust } = await settings();
      const { files, reserveBytes } = limits;
      const isSigned = trust !== null;
      return { lockfile, adopt, hubCache: hub.cache, files, reserveBytes, allowPickle, trustFirstUse, isSigned };
    },
    close: digests.close,
  };
}

async function matchWith(
  references: readonly Reference[],
  catalog: Catalog,
  { workflowHosts: hosts, allowPickle, trust }: Pick<Settings, "workflowHosts" | "allowPickle" | "trust">,
): Promise<readonly Match[]> {
  const { matchReferences } = await import("./match-references.ts");
  const matches = matchReferences(references, catalog);
  if (!matches.some(({ unknown, reference }) => unknown !== null && reference.declared !== undefined)) return matches;
  const { withDeclared } = await import("./declared-models.ts");
  return withDeclared(matches, catalog, { hosts, allowPickle: allowPickle === true, isSigned: trust !== null });
}

async function extraFolders(files: readonly string[], environment: Environment): Promise<readonly ExtraFolder[]> {
  if (files.length === 0) return [];
  const { readExtraPaths } = await import("../catalog/extra-paths.ts");
  return (await Promise.all(files.map((file) => readExtraPaths(file, environment)))).flat();
}

async function environmentSelectors(environment: Environment): Promise<Selectors> {
  return (await import("../settings.ts")).selectionFromEnvironment(environment);
}

/** Calls `make` once; a failure is not kept, so that the next call can do better. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | null = null;
  return () => {
    made ??= make().catch((error: unknown) => {
      made = null;
      throw error;
    });
    return made;
  };
}

interface LazyDigest {
  readonly open: () => Promise<Digest>;
  readonly close: () => Promise<void>;
}

/** Its threads are started by the first file that must be read, and ended by `close`. */
function createLazyDigest(): LazyDigest {
  let digest: Promise<Digest> | null = null;
  return {
    open: () => {
      digest ??= import("../digest/digest.ts").then(({ createDigest }) => createDigest());
      return digest;
    },
    close: async () => {
      const open = digest;
      digest = null;
      await (await open)?.close();
    },
  };
}
