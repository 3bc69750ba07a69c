/** Writes a kit as its own file. */
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { readKit } from "./kit.ts";
import type { Kit } from "./model.ts";
import { problemsError } from "./problems.ts";
import { quote } from "./quote.ts";
import { readDocument } from "./read.ts";
import { writeAtomic } from "./write-atomic.ts";

/**
 * Writes the kit whole or not at all.
 * @throws ModelsError `MANIFEST_INVALID` when its name cannot be one, `DISK_FAILED`, `DISK_FULL`
 */
export async function writeKit(file: string, kit: Pick<Kit, "name" | "description" | "models">): Promise<void> {
  const text = formatKit(kit);
  const read = await readDocument(file, text);
  const checked = read.kind === "ok" ? await readKit(read.document) : read;
  if (checked.kind === "bad") throw problemsError("MANIFEST_INVALID", `"${file}"`, checked.problems);
  await mkdir(dirname(file), { recursive: true }).catch(() => undefined);
  await writeAtomic(file, text);
}

/** The one spelling of a kit: equal kits give equal texts. */
function formatKit({ name, description, models }: Pick<Kit, "name" | "description" | "models">): string {
  const list = models.length === 0 ? " []" : models.map((model) => `\n  - ${quote(model)}`).join("");
  return `version: 1\nname: ${quote(name)}\ndescription: ${quote(description)}\nmodels:${list}\n`;
}
