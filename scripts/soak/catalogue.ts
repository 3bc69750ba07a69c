/** The manifest and the kit that a soak works with. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

interface Entry {
  readonly name: string;
  readonly size: number;
  readonly sha256: string;
  readonly sources: readonly string[];
}

export async function writeCatalogue(
  folder: string,
  entries: readonly Entry[],
): Promise<{ readonly manifests: readonly string[]; readonly kits: readonly string[] }> {
  const [manifest, kit] = [join(folder, "manifest.json"), join(folder, "kit.json")];
  const models = entries.map((entry) => ({ ...entry, path: `loras/${entry.name}.safetensors`, license: "cc0-1.0" }));
  await writeFile(manifest, JSON.stringify({ version: 1, models }));
  const names = entries.map(({ name }) => name);
  await writeFile(kit, JSON.stringify({ version: 1, name: "all", description: "All of them", models: names }));
  return { manifests: [manifest], kits: [kit] };
}
