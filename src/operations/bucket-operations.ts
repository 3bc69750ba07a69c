/** The operations on buckets, each loaded by the first call that needs it. */
import { resolve } from "node:path";
import type { Clock } from "../base/clock.ts";
import type { Report } from "../base/events.ts";
import { userAgent } from "../base/version.ts";
import type { Model } from "../catalog/model.ts";
import type { MemoryReader } from "../net/memory-reader.ts";
import type { AddOptions, AddReport, Asking } from "./add.ts";
import type { BucketContext, BucketListing } from "./bucket-contents.ts";
import type { BucketReport } from "./bucket-diff.ts";
import type { RemovalReport } from "./bucket-remove.ts";
import type { Parts } from "./parts.ts";
import type { PublishOptions } from "./publish.ts";
import type { PublishPorts, PublishResult, PublishSettings, ToBucketOptions } from "./publish-ports.ts";
import { isEmptySelection, type Selectors } from "./select.ts";

/** What to publish: selectors as everywhere; `models` may also name files of this box. */
export interface PublishRequest extends Selectors, PublishOptions {
  /** Every model of the catalogue that is on this box. @default false */
  readonly all?: boolean;
}

export interface BucketOperations {
  /**
   * Puts models and files into a bucket, each with its piece table, and notes them in a manifest.
   * @throws ModelsError with the gravest failure, listing all
   */
  readonly publish: (request: PublishRequest) => Promise<PublishResult>;
  /**
   * Copies the selection from its mirrors into a bucket, through memory alone: no copy is made on this box.
   * @throws ModelsError with the gravest failure, listing all
   */
  readonly mirror: (request: Selectors & ToBucketOptions) => Promise<PublishResult>;
  /** Writes a manifest entry for a source, with the figures that its site declares. */
  readonly add: (uri: string, options?: AddOptions) => Promise<AddReport>;
  /** Lists a bucket, and which of the catalogue's models each object is. */
  readonly listBucket: (request: BucketRequest) => Promise<BucketListing>;
  /** Holds a bucket against the selection, or without one against the whole catalogue; downloads nothing. */
  readonly diffBucket: (request: Selectors & BucketRequest) => Promise<BucketReport>;
  /** Proves the objects of the selection (or of the whole catalogue) that are in a bucket. */
  readonly verifyBucket: (request: Selectors & BucketRequest & VerifyBucketOptions) => Promise<BucketReport>;
  /** Removes objects by key, URI or model's name, with their piece tables. */
  readonly removeFromBucket: (request: BucketRequest & RemoveOptions) => Promise<RemovalReport>;
}

/** Which bucket. */
export interface BucketRequest extends Pick<ToBucketOptions, "to" | "layout"> {
  readonly signal?: AbortSignal;
}

export interface VerifyBucketOptions {
  /** Reads every byte. @default false: ETags that were noted at publication prove it */
  readonly isDeep?: boolean;
  /** Hears of objects that are read. */
  readonly onProgress?: (progress: {
    readonly path: string;
    readonly doneBytes: number;
    readonly size: number;
  }) => void;
}

export interface RemoveOptions {
  /** Keys, URIs, or names of models. */
  readonly what: readonly string[];
  /** Without it nothing is removed, and the error lists what would be. @default false */
  readonly isSure?: boolean;
  /** Uploads that were begun and never finished, too. @default false */
  readonly isUnfinished?: boolean;
}

type BucketParts = Pick<Parts, "settings" | "catalog" | "tree" | "select" | "syncPorts">;

const MIB = 1024 * 1024;
/** What passes through needs room twice, and the box may be a small one. */
const MIRROR_MEMORY = 48 * MIB;

/** @param cwd where relative paths start */
export function createBucketOperations(
  parts: BucketParts,
  { cwd, clock }: { readonly cwd: string; readonly clock: Clock },
): BucketOperations {
  const context = async (
    memory?: number,
  ): Promise<{ readonly ports: PublishPorts; readonly settings: PublishSettings }> => {
    const [{ openBucket }, { writeManifestEntry }, settings, catalog, tree] = await Promise.all([
      import("./open-bucket.ts"),
      import("../catalog/write-manifest.ts"),
      parts.settings(),
      parts.catalog(),
      parts.tree(),
    ]);
    const open: PublishPorts["openBucket"] = (destination) =>
      openBucket(settings, destination, memory === undefined ? { clock } : { clock, memory });
    const ports = { tree, catalog, clock, openBucket: open, writeEntry: writeManifestEntry };
    const { manifests, mirrors } = settings;
    return { ports, settings: { manifests, mirrors, cwd } };
  };
  const within = async <T>(request: BucketRequest, look: (context: BucketContext) => Promise<T>): Promise<T> => {
    const [{ parseDestination }, { ports, settings }] = await Promise.all([import("./destination.ts"), context()]);
    const { to, layout, signal = new AbortController().signal } = request;
    const destination = parseDestination(to, { layout, mirrors: settings.mirrors });
    const bucket = await ports.openBucket(destination);
    try {
      return await look({ bucket, destination, catalog: ports.catalog, signal });
    } finally {
      await bucket.close();
    }
  };
  const selected = async (request: Selectors): Promise<readonly Model[] | null> =>
    isEmptySelection(request) ? null : (await parts.select(request)).models;
  const all = async (): Promise<readonly Model[]> => [...(await parts.catalog()).models.values()];
  const inFolder = <T extends { readonly manifest?: string | null | undefined }>(asked: T): T =>
    typeof asked.manifest === "string" ? { ...asked, manifest: resolve(cwd, asked.manifest) } : asked;

  return {
    publish: async (request) => {
      const { publish, publishSubjects } = await import("./publish.ts");
      const opened = await context();
      const selectors = { ...request, models: [] };
      return await publish(
        await publishSubjects(request, (await selected(selectors)) ?? [], opened),
        inFolder(request),
        opened,
      );
    },
    mirror: async (request) => {
      const [{ mirror }, { createMemoryReader }, { models }, opened, { openNetwork }, settings] = await Promise.all([
        import("./mirror.ts"),
        import("../net/memory-reader.ts"),
        parts.select(request),
        context(MIRROR_MEMORY),
        parts.syncPorts(),
        parts.settings(),
      ]);
      const { caFile, proxy, allowPickle } = settings;
      const openReader = async (): Promise<MemoryReader> =>
        createMemoryReader({ caFile, proxy, userAgent: userAgent() }, clock);
      return await mirror(models, inFolder(request), {
        ports: { ...opened.ports, openNetwork, openReader },
        settings: { ...opened.settings, allowPickle },
      });
    },
    add: async (uri, options = {}) => {
      const [{ addModel }, { openAsking }, { writeManifestEntry }, settings, catalog] = await Promise.all([
        import("./add.ts"),
        import("./open-asking.ts"),
        import("../catalog/write-manifest.ts"),
        parts.settings(),
        parts.catalog(),
      ]);
      const open = (report: Report): Promise<Asking> => openAsking(settings, { clock, report });
      const ports = { catalog, clock, openAsking: open, writeEntry: writeManifestEntry };
      const to = options.to === undefined ? {} : { to: resolve(cwd, options.to) };
      return await addModel(uri, { ...options, ...to }, { ports, settings });
    },
    listBucket: async (request) => {
      const { listBucket } = await import("./bucket-contents.ts");
      return await within(request, listBucket);
    },
    diffBucket: async (request) => {
      const [{ diffBucket }, models] = await Promise.all([import("./bucket-diff.ts"), selected(request)]);
      const whole = await all();
      return await within(request, (look) => diffBucket(look, models ?? whole, { isWhole: models === null }));
    },
    verifyBucket: async ({ isDeep = false, onProgress, ...request }) => {
      const [{ verifyBucket }, models] = await Promise.all([import("./bucket-verify.ts"), selected(request)]);
      const whole = await all();
      const tell = (path: string, doneBytes: number, size: number): void => onProgress?.({ path, doneBytes, size });
      return await within(request, (look) =>
        verifyBucket(look, models ?? whole, { isDeep, isWhole: models === null, onProgress: tell }),
      );
    },
    removeFromBucket: async ({ what, isSure = false, isUnfinished = false, ...request }) => {
      const [{ removeObjects }, { keysOf }] = await Promise.all([
        import("./bucket-remove.ts"),
        import("./bucket-contents.ts"),
      ]);
      return await within(request, (look) => removeObjects(look, keysOf(what, look), { isSure, isUnfinished }));
    },
  };
}
