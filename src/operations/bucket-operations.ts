/** The operations on buckets, each loaded by the first call that needs it. */
import { resolve } from "node:path";
import type { Clock } from "../base/clock.ts";
import { packageVersion } from "../base/version.ts";
import type { MemoryReader } from "../net/memory-reader.ts";
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
}

type BucketParts = Pick<Parts, "settings" | "catalog" | "tree" | "select" | "syncPorts">;

const MIB = 1024 * 1024;
/** What passes through needs room twice, and the box may be a small one. */
const MIRROR_MEMORY = 96 * MIB;

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
  const inFolder = <T extends { readonly manifest?: string | null | undefined }>(asked: T): T =>
    typeof asked.manifest === "string" ? { ...asked, manifest: resolve(cwd, asked.manifest) } : asked;

  return {
    publish: async (request) => {
      const { publish, publishSubjects } = await import("./publish.ts");
      const opened = await context();
      const selectors = { ...request, models: [] };
      const selected = isEmptySelection(selectors) ? [] : (await parts.select(selectors)).models;
      return await publish(await publishSubjects(request, selected, opened), inFolder(request), opened);
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
        createMemoryReader({ caFile, proxy, userAgent: `modelferry/${packageVersion()}` });
      return await mirror(models, inFolder(request), {
        ports: { ...opened.ports, openNetwork, openReader },
        settings: { ...opened.settings, allowPickle },
      });
    },
  };
}
