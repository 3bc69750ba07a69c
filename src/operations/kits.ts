/** What kits there are, and what is in them. Pure. */
import { isPickleName } from "../base/formats/sniff.ts";
import type { Catalog } from "../catalog/model.ts";
import { kitNamed, modelsOfKit } from "../catalog/select.ts";

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
}

/**
 * Describes kits, by name; all of them when `names` is left out.
 * @throws ModelsError `KIT_UNKNOWN`
 */
export function listKits(catalog: Catalog, names?: readonly string[]): readonly KitEntry[] {
  const all = [...catalog.kits.keys()].sort();
  return (names === undefined || names.length === 0 ? all : names).map((name) => {
    const { description, includes } = kitNamed(catalog, name);
    const models = modelsOfKit(catalog, name);
    return {
      name,
      description,
      includes,
      models: models.map((model) => model.name),
      size: models.reduce((sum, { size }) => sum + (size ?? 0), 0),
      unknownSizes: models.filter(({ size }) => size === null).length,
      gated: models.filter(({ gated }) => gated).length,
      pickles: models.filter(({ path }) => isPickleName(path)).map((model) => model.name),
    };
  });
}
