/** What kits there are, and what is in them. Pure. */
import { isPickleName } from "../base/formats/sniff.ts";
import type { Catalog, Model } from "../catalog/model.ts";
import { kitNamed, modelsOfKit, variantsOfKit } from "../catalog/select.ts";

/** One kit as `models kits --json` prints it. */
export interface KitEntry {
  readonly name: string;
  readonly description: string;
  readonly includes: readonly string[];
  /** Names of all models, those of included kits first. */
  readonly models: readonly string[];
  /** Bytes of the models whose size is known. */
  readonly size: number;
  /** How many models have no size in their manifest. */
  readonly unknownSizes: number;
  /** How many models need the Hub's terms to be accepted. */
  readonly gated: number;
  /** Names of the models that are pickles, which come only with `--allow-pickle`. */
  readonly pickles: readonly string[];
  /** What there is to choose between, the default first; none for most kits. */
  readonly variants: readonly VariantEntry[];
}

/** A kit with one of its choices. */
export interface VariantEntry extends Pick<KitEntry, "models" | "size" | "unknownSizes"> {
  readonly name: string;
  /** The largest file, or null when the size of one is unknown, even roughly, that may be larger. */
  readonly largest: { readonly model: string; readonly size: number; readonly isRough: boolean } | null;
}

/**
 * Describes kits, by name; all of them when `names` is left out. `variant` chooses among their variants.
 * @throws ModelsError `KIT_UNKNOWN`
 */
export function listKits(catalog: Catalog, names?: readonly string[], variant?: string): readonly KitEntry[] {
  const all = [...catalog.kits.keys()].sort();
  return (names === undefined || names.length === 0 ? all : names).map((name) => {
    const { description, includes } = kitNamed(catalog, name);
    const models = modelsOfKit(catalog, name, variant);
    return {
      name,
      description,
      includes,
      ...countsOf(models),
      gated: models.filter(({ gated }) => gated).length,
      pickles: models.filter(({ path }) => isPickleName(path)).map((model) => model.name),
      variants: variantsOfKit(catalog, name).map((choice) => variantEntry(choice, modelsOfKit(catalog, name, choice))),
    };
  });
}

function countsOf(models: readonly Model[]): Pick<KitEntry, "models" | "size" | "unknownSizes"> {
  return {
    models: models.map(({ name }) => name),
    size: models.reduce((sum, { size }) => sum + (size ?? 0), 0),
    unknownSizes: models.filter(({ size }) => size === null).length,
  };
}

function variantEntry(name: string, models: readonly Model[]): VariantEntry {
  const sizes = models.flatMap(({ name: model, size, roughSize }) => {
    const known = size ?? roughSize;
    return known === undefined ? [] : [{ model, size: known, isRough: size === null }];
  });
  const [largest = null] = [...sizes].sort((one, other) => other.size - one.size);
  return { name, ...countsOf(models), largest: sizes.length < models.length ? null : largest };
}
