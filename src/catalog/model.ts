/** What a manifest and a kit say, once they are read. */
import type { Sha256 } from "../base/artifact.ts";
import type { TreePath } from "../base/paths.ts";

/** A manifest's entry. */
export interface Model {
  readonly name: string;
  /** Where it belongs in the tree. */
  readonly path: TreePath;
  /** Other places where ComfyUI looks for it. */
  readonly aliases: readonly TreePath[];
  /** Bytes, or null when the manifest leaves it open. */
  readonly size: number | null;
  /** Bytes as a public list rounds them, where nobody says the exact number: for advice, never to check a file by. */
  readonly roughSize?: number;
  /** Null when the manifest leaves it open. */
  readonly sha256: Sha256 | null;
  /** Who says so, where the digest was not proven (`single list`). */
  readonly digestFrom: string | null;
  /** As the source names it, such as `apache-2.0`. */
  readonly license: string | null;
  /** True when its source gives it only to people who accepted its terms. */
  readonly gated: boolean;
  /** Canonical URIs, in the order of the manifest. */
  readonly sources: readonly string[];
  /** URI or path of a piece table. */
  readonly pieces: string | null;
  /** What sets it apart from its siblings, such as `fp8`. */
  readonly variant?: string;
  /** A line for people. */
  readonly note?: string;
  /** `file:line:column` of the entry. */
  readonly at: string;
}

/** One of the choices of a kit: its models come besides those of every choice. */
export interface KitVariant {
  readonly name: string;
  /** Names of models. */
  readonly models: readonly string[];
}

/** A named set of models. */
export interface Kit {
  readonly name: string;
  readonly description: string;
  /** Names of other kits, whose models come first. */
  readonly includes: readonly string[];
  /** Names of models. */
  readonly models: readonly string[];
  /** What there is to choose between, such as `bf16`, `fp8` and `gguf`; the first is taken unless one is named. */
  readonly variants?: readonly KitVariant[];
  /** `file:line:column` of the kit. */
  readonly at: string;
}

/** Everything that should exist somewhere, by name. */
export interface Catalog {
  readonly models: ReadonlyMap<string, Model>;
  readonly kits: ReadonlyMap<string, Kit>;
}
