/** Makes a kit of what workflows need: the names of what is known, entries for what only they declare, a list of the rest. */
import { access } from "node:fs/promises";
import { basename, join } from "node:path";
import { ModelsError } from "../base/errors.ts";
import type { Kit, Model } from "../catalog/model.ts";
import { writeKit } from "../catalog/write-kit.ts";
import { type ManifestChange, writeManifestEntry } from "../catalog/write-manifest.ts";
import type { Selection } from "./select.ts";

export interface DeriveOptions {
  /** The kit's name, and that of its files. */
  readonly name: string;
  /** @default what it was derived from */
  readonly description?: string;
  /** The folder that gets `kits/<name>.yaml` and `manifests/<name>.yaml`. */
  readonly into: string;
  /** Replaces files of that name. @default false */
  readonly overwrite?: boolean;
  /** Writes nothing. @default false */
  readonly isDryRun?: boolean;
}

/** What `models kits derive --json` prints. */
export interface DerivedKit {
  readonly kit: Pick<Kit, "name" | "description" | "models">;
  /** Models that only the workflows declare. */
  readonly entries: readonly ManifestChange[];
  /** What no kit can hold as it is, each with what a person does about it. */
  readonly left: readonly { readonly path: string; readonly at: string; readonly fix: string }[];
  /** Files that were written, or would be. Absolute. */
  readonly files: readonly string[];
}

/**
 * Derives a kit from the selection that workflows make, and writes it.
 * @param workflows how people call them
 * @throws ModelsError `USAGE` when a file is there already, `MANIFEST_INVALID`, `DISK_FAILED`
 */
export async function deriveKit(
  selection: Selection,
  workflows: readonly string[],
  options: DeriveOptions,
): Promise<DerivedKit> {
  const { name, into, overwrite = false, isDryRun = false } = options;
  const declared = selection.models.filter((model) => selection.declared.has(model.name));
  const entries = declared.map(toEntry);
  const kit = {
    name,
    description: options.description ?? descriptionOf(workflows),
    models: selection.models.map((model) => model.name),
  };
  const file = join(into, "kits", `${name}.yaml`);
  const manifest = join(into, "manifests", `${name}.yaml`);
  const files = entries.length === 0 ? [file] : [file, manifest];
  if (!isDryRun) {
    if (!overwrite) for (const one of files) await refuseExisting(one);
    await writeKit(file, kit);
    for (const entry of entries) await writeManifestEntry(manifest, entry);
  }
  return { kit, entries, left: leftOf(selection), files };
}

function toEntry({ name, path, sha256, digestFrom, sources }: Model): ManifestChange {
  return { name, path, ...(sha256 === null ? {} : { sha256, digestFrom }), sources };
}

/** A node that looks elsewhere needs an alias, which only the model's own entry or the workflow itself can ask for. */
function leftOf({ unknown, views }: Selection): DerivedKit["left"] {
  return [
    ...unknown.map(({ path, at, fix }) => ({ path, at, fix })),
    ...views.map(({ model, path }) => ({
      path,
      at: model,
      fix: `add ${path} to the aliases of ${model}, or give the workflow with the kit`,
    })),
  ];
}

const MAX_DESCRIPTION = 150;

function descriptionOf(workflows: readonly string[]): string {
  const text = `What ${workflows.map((one) => basename(one)).join(", ")} needs`.replace(/\s+/g, " ");
  return text.length <= MAX_DESCRIPTION ? text : `${text.slice(0, MAX_DESCRIPTION - 1)}…`;
}

async function refuseExisting(file: string): Promise<void> {
  const isThere = await access(file).then(
    () => true,
    () => false,
  );
  if (!isThere) return;
  throw new ModelsError("USAGE", `Cannot write "${file}": it is there already`, {
    fix: "give another --name or --out, or --overwrite",
  });
}
