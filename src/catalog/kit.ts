/** The format of a kit. */
import type { Checked } from "./checked.ts";
import type { Document, Placing } from "./document.ts";
import type { Kit } from "./model.ts";
import { isLine, isName, isVersion, listOf, mapping, namedListsOf, orNull } from "./shape.ts";

/** What a kit file holds. */
export interface KitFile {
  readonly $schema?: string | undefined;
  readonly version: 1;
  readonly name: string;
  readonly description?: string | null | undefined;
  readonly includes?: readonly string[] | undefined;
  readonly models?: readonly string[] | undefined;
  readonly variants?: Readonly<Record<string, readonly string[]>> | undefined;
}

const isKit = mapping(
  { version: isVersion, name: isName },
  {
    $schema: isLine,
    description: orNull(isLine),
    includes: listOf(isName),
    models: listOf(isName),
    variants: namedListsOf(isName),
  },
);

/** A kit with the document that it stands in, so that a later problem can be placed. */
export interface PlacedKit {
  readonly kit: Kit;
  readonly document: Placing;
}

/** The kit of a document, as a list of one, or everything that is wrong with it. */
export async function readKit(document: Document): Promise<Checked<readonly PlacedKit[]>> {
  const checked = await checkKit(document);
  if (checked.kind === "bad") return checked;
  const { name, description, includes = [], models = [], variants = {} } = checked.value;
  const choices = Object.entries(variants).map(([variant, names]) => ({ name: variant, models: names }));
  const kit: Kit = {
    name,
    description: description ?? "",
    includes,
    models,
    ...(choices.length === 0 ? {} : { variants: choices }),
    at: document.placeOf([]),
  };
  return { kind: "ok", value: [{ kit, document }] };
}

/** A kit as its file has it, or everything that is wrong with it. */
export async function checkKit(document: Document): Promise<Checked<KitFile>> {
  if (isKit(document.root)) return { kind: "ok", value: document.root as KitFile };
  const [{ checkDocument }, { kitSchema }] = await Promise.all([import("./check.ts"), import("./kit-schema.ts")]);
  return checkDocument(kitSchema, document);
}
