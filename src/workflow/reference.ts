/** What a workflow asks for: one file of weights, every node that names it, and how that is known. */
import type { Sha256 } from "../base/artifact.ts";

/** Where a reference was found. */
export interface ReferencePlace {
  /** With the path of subgraph instances: `11:3`. */
  readonly id: string;
  readonly class: string;
  /** Empty when the node names no file and a preset asks for it. */
  readonly input: string;
}

export interface Reference {
  /** Every node that names this very file. */
  readonly nodes: readonly ReferencePlace[];
  /** Input of the first of them. */
  readonly input: string;
  /** Folder of the tree that the file belongs in, or null when nobody knows. */
  readonly folder: string | null;
  /** Every folder in which the nodes look, `folder` first. */
  readonly folders: readonly string[];
  /** Path below the folder with forward slashes. Written by strangers: not yet safe to use as a path. */
  readonly name: string;
  /** As the workflow spells it. */
  readonly raw: string;
  /**
   * - `registry`: the class is known
   * - `declared`: the author says so next to the node
   * - `inferred`: a text in a widget ends like a file of weights
   * - `server`: a running ComfyUI says that the input is a list of files
   * - `preset`: the class needs it without naming it
   * - `prompt`: an inline `<lora:…>` or `embedding:…`
   */
  readonly how: "registry" | "declared" | "inferred" | "server" | "preset" | "prompt";
  /** False when only muted or bypassed nodes ask for it. */
  readonly isActive: boolean;
  /** True when the name stands for a whole folder. */
  readonly isFolder?: boolean;
  /** Endings one of which the name lacks: any file of that name with one of them is meant. */
  readonly endings?: readonly string[];
  /** What the author declared for a file of this name. */
  readonly declared?: { readonly url: string; readonly sha256: Sha256 | null; readonly directory: string };
}

export interface References {
  readonly references: readonly Reference[];
  /** Files that nodes fetch by themselves into places outside the models folder; nothing to place, good to know. */
  readonly outside: readonly Reference[];
  readonly warnings: readonly string[];
}
