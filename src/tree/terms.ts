/** The words that the tree is spoken to with, and what it asks of the outside. */
import type { Artifact, Sha256 } from "../base/artifact.ts";
import type { Clock } from "../base/clock.ts";
import type { TreePath } from "../base/paths.ts";
import type { KnownDigests } from "./known-digests.ts";
import type { Layout } from "./layout.ts";

/** A model as far as the tree needs to know it. */
export interface Wanted {
  readonly name: string;
  readonly path: TreePath;
  /** Other places where ComfyUI looks for the same file. */
  readonly aliases: readonly TreePath[];
  /** Null when the manifest does not say. */
  readonly size: number | null;
  /** Null when the manifest does not say. */
  readonly sha256: Sha256 | null;
}

/** A model whose bytes are known, as everything must be that enters the tree. */
export type WantedArtifact = Wanted & Artifact;

/** Hashes files, off the main thread. */
export interface DigestPort {
  readonly sha256File: (
    path: string,
    options?: { readonly signal?: AbortSignal; readonly onProgress?: (doneBytes: number) => void },
  ) => Promise<Sha256>;
}

export interface TreePorts {
  readonly clock: Clock;
  readonly digest: DigestPort;
}

/** What each verb of the tree is given. */
export interface TreeParts extends TreePorts {
  readonly layout: Layout;
  readonly known: KnownDigests;
}

/** How far a file has been read. */
export interface ReadProgress {
  /** Absolute path. */
  readonly path: string;
  readonly doneBytes: number;
  readonly size: number;
}

/** Options of the verbs that read whole files. */
export interface ReadOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: ReadProgress) => void) | undefined;
}
