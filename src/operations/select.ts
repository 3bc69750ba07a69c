/** Which models a person means: kits, workflows and names become wanted models, each once, no two in one place. */
import { didYouMean } from "../base/did-you-mean.ts";
import { ModelsError, type Problem } from "../base/errors.ts";
import { collisionKey, type TreePath } from "../base/paths.ts";
import type { Catalog, Model } from "../catalog/model.ts";
import { modelNamed, modelsOfKit, variantsOfKit } from "../catalog/select.ts";
import type { Override } from "../workflow/workflow.ts";
import type { Match, UnknownReference, View } from "./match-references.ts";

/** What every operation takes to know which models are meant. */
export interface Selectors {
  /** Names of kits. */
  readonly kits?: readonly string[];
  /** Which of the choices that kits offer, such as `fp8`. @default the first of each kit */
  readonly variant?: string | undefined;
  /** ComfyUI workflows: a path of a file, an address, or the parsed graph itself. */
  readonly workflows?: readonly unknown[];
  /** Values in place of those in the workflow, when there is only one. */
  readonly set?: readonly Override[];
  /** Names of models, or their paths in the tree. */
  readonly models?: readonly string[];
}

export interface Selection {
  readonly models: readonly Model[];
  /** What a workflow asks for and no manifest knows for sure. */
  readonly unknown: readonly UnknownReference[];
  /** Where nodes look for models that lie elsewhere. */
  readonly views: readonly View[];
  /** Names of the models that only a workflow declares: no command knows them by name. */
  readonly declared: ReadonlySet<string>;
  /** Names of the models that someone waits for, because a workflow needs them or they were named: before a kit's rest. */
  readonly awaited: ReadonlySet<string>;
}

/** What reads one workflow and matches its references to the catalogue; loaded only when a workflow is given. */
export type MatchWorkflow = (workflow: unknown) => Promise<readonly Match[]>;

/** True when nothing is named, so that defaults (the environment, the whole catalogue) apply. */
export function isEmptySelection({ kits = [], workflows = [], models = [] }: Selectors): boolean {
  return kits.length + workflows.length + models.length === 0;
}

/**
 * Resolves selectors against the catalogue, in the order kits, names, workflows.
 * @throws ModelsError `USAGE` (nothing named), `KIT_UNKNOWN`, `MODEL_UNKNOWN`, `WORKFLOW_INVALID`, `TREE_CONFLICT`
 */
export async function selectModels(
  selectors: Selectors,
  catalog: Catalog,
  matchWorkflow: MatchWorkflow,
): Promise<Selection> {
  if (isEmptySelection(selectors)) {
    throw new ModelsError("USAGE", "Cannot select models: no kit, workflow or model is named", {
      fix: "name some, such as --kit flux, --workflow graph.json or a model's name, or set BASE_MODEL_KIT",
    });
  }
  const { kits = [], workflows = [], models = [], set = [], variant } = selectors;
  if (variant !== undefined) refuseUnknownVariant(catalog, kits, variant);
  if (set.length > 0 && workflows.length !== 1) throw setWithoutOne(workflows.length);
  const matched = (await Promise.all(workflows.map((workflow) => matchWorkflow(workflow)))).flat();
  const singled = models.map((name) => modelNamed(catalog, name));
  const named = [...kits.flatMap((kit) => modelsOfKit(catalog, kit, variant)), ...singled];
  const wanted = uniqueByName([...named, ...matched.flatMap((one) => one.models)]);
  refuseCollisions(wanted);
  const unknown = uniqueByPath(matched.flatMap((one) => one.unknown ?? []));
  const views = matched.flatMap((one) => one.view ?? []);
  const declared = matched.filter(({ isDeclared }) => isDeclared).flatMap((one) => one.models);
  return {
    models: wanted,
    unknown: unknown.filter((one) => !isDecided(one, named) && !isBrought(one, wanted)),
    views,
    declared: new Set(declared.map(({ name }) => name)),
    awaited: new Set([...singled, ...matched.flatMap((one) => one.models)].map(({ name }) => name)),
  };
}

/** One kit at least must have the choice. @throws ModelsError `KIT_UNKNOWN` */
function refuseUnknownVariant(catalog: Catalog, kits: readonly string[], variant: string): void {
  const known = [...new Set(kits.flatMap((kit) => variantsOfKit(catalog, kit)))];
  if (known.includes(variant)) return;
  const seen = known.length === 0 ? "no selected kit has variants" : `the selected kits have ${known.join(", ")}`;
  throw new ModelsError("KIT_UNKNOWN", `Cannot select variant "${variant}": ${seen}`, {
    fix: didYouMean(variant, known) ?? "models kits show NAME lists the variants of a kit",
  });
}

function setWithoutOne(count: number): ModelsError {
  const seen = count === 0 ? "no workflow is named" : `${count} workflows are named`;
  return new ModelsError("USAGE", `Cannot set a value in a workflow: ${seen}, expected one`, {
    fix: "name one workflow, such as --workflow graph.json --set 4.ckpt_name=name.safetensors",
  });
}

/** Naming one of the candidates is how a person says which of them a workflow means. */
function isDecided({ candidates }: UnknownReference, named: readonly Model[]): boolean {
  return named.some((model) => candidates.includes(model.name));
}

/** What one workflow only names, another may declare. */
function isBrought({ places }: UnknownReference, wanted: readonly Model[]): boolean {
  const keys = new Set(wanted.flatMap(({ path, aliases }) => [path, ...aliases]).map(collisionKey));
  return places.some((place) => keys.has(collisionKey(place)));
}

/** A model that two workflows ask for under two names keeps the aliases of both, and the sources that both declare. */
function uniqueByName(models: readonly Model[]): readonly Model[] {
  const byName = new Map<string, Model>();
  const others: Model[] = [];
  for (const model of models) {
    const known = byName.get(model.name);
    if (known === undefined) byName.set(model.name, model);
    else if (known.sha256 !== null && model.sha256 !== null && known.sha256 !== model.sha256) others.push(model);
    else byName.set(model.name, joined(known, model));
  }
  return [...byName.values(), ...others];
}

function joined(known: Model, model: Model): Model {
  return {
    ...known,
    sha256: known.sha256 ?? model.sha256,
    digestFrom: known.sha256 === null ? model.digestFrom : known.digestFrom,
    aliases: [...new Set([...known.aliases, ...model.aliases])],
    sources: [...new Set([...known.sources, ...model.sources])],
  };
}

function uniqueByPath(unknown: readonly UnknownReference[]): readonly UnknownReference[] {
  return [...new Map(unknown.map((one) => [one.path, one])).values()];
}

/**
 * Refuses two models of one path, and a path that another one needs as a folder.
 * Spelling that differs in case or Unicode composition only is one path on many file systems.
 * @throws ModelsError `TREE_CONFLICT` with every collision
 */
function refuseCollisions(models: readonly Model[]): void {
  const owners = new Map<string, { readonly model: Model; readonly path: TreePath }>();
  const problems: Problem[] = [];
  for (const model of models) {
    for (const path of [model.path, ...model.aliases]) {
      const key = collisionKey(path);
      const owner = owners.get(key);
      if (owner === undefined) owners.set(key, { model, path });
      else if (owner.model !== model && !isSameArtifact(owner.model, model)) {
        problems.push(collision(model, `"${path}" is also the place of "${owner.model.name}"`));
      }
    }
  }
  for (const [key, { model, path }] of owners) {
    const file = foldersOf(key).find((folder) => owners.has(folder));
    const other = file === undefined ? undefined : owners.get(file);
    if (other !== undefined) problems.push(collision(model, `"${path}" needs "${other.path}" to be a folder`));
  }
  if (problems.length === 0) return;
  throw new ModelsError("TREE_CONFLICT", `Cannot place ${models.length} models in one tree: ${problems[0]?.message}`, {
    fix: "select one of the two, or give one another path in its manifest",
    problems,
  });
}

function isSameArtifact(left: Model, right: Model): boolean {
  return left.sha256 !== null && left.sha256 === right.sha256;
}

function foldersOf(key: string): readonly string[] {
  const parts = key.split("/");
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join("/"));
}

function collision(model: Model, message: string): Problem {
  return { at: `${model.name} (${model.at})`, message };
}
