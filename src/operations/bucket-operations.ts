/** The operations on buckets, each loaded by the first call that needs it. */
import { resolve } from "node:path";
import type { Clock } from "../base/clock.ts";
import type { Parts } from "./parts.ts";
import type { PublishOptions } from "./publish.ts";
import type { PublishPorts, PublishResult, PublishSettings } from "./publish-ports.ts";
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
}

type BucketParts = Pick<Parts, "settings" | "catalog" | "tree" | "select">;

/** @param cwd where relative paths start */
export function createBucketOperations(
  parts: BucketParts,
  { cwd, clock }: { readonly cwd: string; readonly clock: Clock },
): BucketOperations {
  const context = async (): Promise<{ readonly ports: PublishPorts; readonly settings: PublishSettings }> => {
    const [{ openBucket }, { writeManifestEntry }, settings, catalog, tree] = await Promise.all([
      import("./open-bucket.ts"),
      import("../catalog/write-manifest.ts"),
      parts.settings(),
      parts.catalog(),
      parts.tree(),
    ]);
    const open: PublishPorts["openBucket"] = (destination) => openBucket(settings, destination, { clock });
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
  };
}
