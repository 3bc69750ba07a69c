/** Names to models: a kit with all that it includes, or one model by any name that means it alone. */
import { didYouMean } from "../base/did-you-mean.ts";
import { ModelsError } from "../base/errors.ts";
import type { Catalog, Kit, KitVariant, Model } from "./model.ts";

/**
 * The kit of this name.
 * @throws ModelsError `KIT_UNKNOWN`
 */
export function kitNamed(catalog: Catalog, name: string): Kit {
  const kit = catalog.kits.get(name);
  if (kit !== undefined) return kit;
  const fix = didYouMean(name, catalog.kits.keys()) ?? "list the kits with `models kits`";
  throw new ModelsError("KIT_UNKNOWN", `Cannot find kit "${name}": no kit has this name`, { fix });
}

/**
 * The models of a kit: those of its included kits first, each model once.
 * @param variant which of its choices; a kit on the way that does not have it gives its first
 * @throws ModelsError `KIT_UNKNOWN`, `MODEL_UNKNOWN`
 */
export function modelsOfKit(catalog: Catalog, kitName: string, variant?: string): readonly Model[] {
  const names = new Set<string>();
  for (const kit of withIncluded(catalog, kitName)) {
    for (const name of [...kit.models, ...(chosen(kit, variant)?.models ?? [])]) names.add(name);
  }
  return [...names].map((name) => modelNamed(catalog, name));
}

/**
 * The choices of a kit and of all that it includes, by name: those of the kit itself first.
 * @throws ModelsError `KIT_UNKNOWN`
 */
export function variantsOfKit(catalog: Catalog, kitName: string): readonly string[] {
  const kits = [...withIncluded(catalog, kitName)].reverse();
  return [...new Set(kits.flatMap(({ variants = [] }) => variants.map(({ name }) => name)))];
}

function chosen({ variants = [] }: Kit, name: string | undefined): KitVariant | undefined {
  return variants.find((variant) => variant.name === name) ?? variants[0];
}

/** A kit with all that it includes, each once, the innermost first. */
function withIncluded(catalog: Catalog, kitName: string): readonly Kit[] {
  const found: Kit[] = [];
  const seen = new Set<string>([kitName]);
  const open: { readonly kit: Kit; next: number }[] = [{ kit: kitNamed(catalog, kitName), next: 0 }];
  for (let top = open.at(-1); top !== undefined; top = open.at(-1)) {
    const included = top.kit.includes[top.next];
    top.next += 1;
    if (included === undefined) {
      found.push(top.kit);
      open.pop();
    } else if (!seen.has(included)) {
      seen.add(included);
      open.push({ kit: kitNamed(catalog, included), next: 0 });
    }
  }
  return found;
}

/**
 * The model that `name` means: its name, its path or one of its aliases, or its file name where only one has it.
 * @throws ModelsError `MODEL_UNKNOWN`
 */
export function modelNamed(catalog: Catalog, name: string): Model {
  const model = catalog.models.get(name);
  if (model !== undefined) return model;
  const byPath = modelsWhere(catalog, (path) => path === name);
  const found = byPath.length > 0 ? byPath : modelsWhere(catalog, (path) => path.endsWith(`/${name}`));
  const [first, second] = found;
  if (first !== undefined && second === undefined) return first;
  throw first === undefined ? unknown(catalog, name) : ambiguous(name, found);
}

function modelsWhere(catalog: Catalog, isMeant: (path: string) => boolean): readonly Model[] {
  return [...catalog.models.values()].filter(({ path, aliases }) => isMeant(path) || aliases.some(isMeant));
}

function unknown(catalog: Catalog, name: string): ModelsError {
  const fix = didYouMean(name, catalog.models.keys()) ?? didYouMean(name, fileNames(catalog)) ?? "add it to a manifest";
  return new ModelsError("MODEL_UNKNOWN", `Cannot find model "${name}": no manifest has it`, { fix });
}

function ambiguous(name: string, found: readonly Model[]): ModelsError {
  const names = found.slice(0, 10).map((model) => model.name);
  return new ModelsError("MODEL_UNKNOWN", `Cannot find model "${name}": ${found.length} models have this file name`, {
    fix: `name one of ${names.join(", ")}`,
  });
}

function* fileNames(catalog: Catalog): Iterable<string> {
  for (const { path } of catalog.models.values()) yield path.slice(path.lastIndexOf("/") + 1);
}
