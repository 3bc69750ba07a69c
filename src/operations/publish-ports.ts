/** What a publication is asked, given to work with, and answers. */
import type { Sha256 } from "../base/artifact.ts";
import type { Clock } from "../base/clock.ts";
import type { Event } from "../base/events.ts";
import type { Catalog } from "../catalog/model.ts";
import type { ManifestChange } from "../catalog/write-manifest.ts";
import type { Tree } from "../tree/tree.ts";
import type { BucketLayout, Destination } from "./destination.ts";
import type { OpenBucket } from "./open-bucket.ts";

/** Options of everything that writes models into a bucket. */
export interface ToBucketOptions {
  /** `r2://bucket/prefix`. @default the bucket that is configured as a mirror, where there is one */
  readonly to?: string | undefined;
  /** @default "tree": ComfyUI's folders below the prefix */
  readonly layout?: BucketLayout | undefined;
  /** Replaces another content under the same key. @default false */
  readonly force?: boolean;
  /** Reads back what was written: some pieces of each object, or all. @default null: its ETag proves it */
  readonly verify?: "sample" | "all" | null;
  /** Finds out what would be done, and stops there. @default false */
  readonly isDryRun?: boolean;
  /** File that entries are written to; null writes none. @default the file that has the entry */
  readonly manifest?: string | null | undefined;
  /** Waits for another process that writes the same object. @default true */
  readonly wait?: boolean;
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: Event) => void;
}

/** One model that is in the bucket now. */
export interface PublishedModel {
  readonly name: string;
  readonly path: string;
  /** `r2://bucket/key`. */
  readonly to: string;
  readonly size: number;
  readonly sha256: Sha256;
  readonly status: "sent" | "present" | "planned" | "refused";
  /** Bytes that went out in this run. */
  readonly sentBytes: number;
  /** Manifest that its entry was written to, or null. */
  readonly manifest: string | null;
}

/** What was done. */
export interface PublishResult {
  /** `r2://bucket/prefix`. */
  readonly to: string;
  readonly models: readonly PublishedModel[];
  readonly sentBytes: number;
}

export interface PublishPorts {
  readonly tree: Tree;
  readonly catalog: Catalog;
  readonly clock: Clock;
  readonly openBucket: (destination: Destination) => Promise<OpenBucket>;
  readonly writeEntry: (file: string, change: ManifestChange) => Promise<void>;
}

export interface PublishSettings {
  /** Folders, files or URLs of the catalogue. */
  readonly manifests: readonly string[];
  readonly mirrors: readonly { readonly template: string }[];
  /** Where relative paths of a person start. */
  readonly cwd: string;
}
