/** What is known of node classes: which of their inputs name files, in which folders, and how a value is written. */
import type { WorkflowNode } from "./workflow.ts";

/**
 * How an input's value names files.
 * - `name`: a file below the folder, with either slash; anything without the ending of weights names none
 * - `folder`: a folder below the folder
 * - `rows`: objects that each hold a name (`lora`, `name`, `lora_name`, `content`) and may be switched off
 * - `lora-tags`: text with `<lora:NAME:0.8>` in it
 * - `embeddings`: text with `embedding:NAME` in it
 * - `own`: a name of a file that the node fetches itself, into a place of its own
 * - `unused`: names a file that is not loaded
 */
export type Written = "name" | "folder" | "rows" | "lora-tags" | "embeddings" | "own" | "unused";

/** One input of one class. */
export interface LoaderInput {
  readonly class: string;
  /** May hold `{n}` where the class has the input 1, 2, 3… times. */
  readonly input: string;
  /** Place in `widgets_values`, or null when it varies. */
  readonly index: number | null;
  /** Folders of the tree, best first. */
  readonly folders: readonly string[];
  readonly written: Written;
  /** Counts only while another widget says so. */
  readonly gate: Gate | null;
  /** When a running ComfyUI says so, and no registry does. */
  readonly how?: "server";
}

export interface Gate {
  /** `if`: that widget is on; `until`: it holds how many of the repeated inputs count. */
  readonly kind: "if" | "until";
  /** May hold `{n}`. */
  readonly input: string;
  readonly index: number | null;
}

/** Files that a class needs without naming them. */
export interface Preset {
  readonly classes: readonly string[];
  /** Widgets that must hold these very values. */
  readonly when: readonly { readonly input: string; readonly value: string }[];
  /** Family of base models that these files are for (`sd15`, `sdxl`), or null for all. */
  readonly base: string | null;
  /** `folder/name` below the models folder; `~`, `custom_nodes/` and `hub:` are places outside of it. */
  readonly files: readonly string[];
}

/** One package of nodes, as a registry file holds it. */
export interface RegistryPackage {
  /** `owner/repo`, or a name of our own for what is from no single package. */
  readonly name: string;
  readonly loaders: readonly LoaderInput[];
  readonly presets: readonly Preset[];
  /** Endings of class names that wrap another package's class and take its inputs. */
  readonly wrappers: readonly string[];
}

export interface Registry {
  /** What is known of a node's inputs; null when its class is not known at all. */
  readonly inputsOf: (node: Pick<WorkflowNode, "class" | "package">) => readonly LoaderInput[] | null;
  readonly presetsOf: (className: string) => readonly Preset[];
  /** The folders that an input of this name means in nearly every class that has one, or none. */
  readonly foldersOfInput: (input: string) => readonly string[];
}

interface Known {
  readonly package: string;
  readonly inputs: readonly LoaderInput[];
}

/** Joins packages; where two have one class, the package that a node names decides, else the first. */
export function createRegistry(packages: readonly RegistryPackage[]): Registry {
  const byClass = new Map<string, Known[]>();
  for (const one of packages) {
    for (const [name, inputs] of groupBy(one.loaders, (input) => input.class)) {
      byClass.set(name, [...(byClass.get(name) ?? []), { package: packageKey(one.name), inputs }]);
    }
  }
  const presets = groupMany(packages.flatMap((one) => one.presets.flatMap((preset) => pairs(preset))));
  const wrappers = packages.flatMap((one) => one.wrappers).sort((a, b) => b.length - a.length);
  const known = (name: string): readonly Known[] | undefined =>
    byClass.get(name) ?? byClass.get(unwrapped(name, wrappers));
  let conventions: ReadonlyMap<string, readonly string[]> | null = null;
  return {
    inputsOf: (node) => {
      const candidates = known(node.class);
      if (candidates === undefined) return presets.has(node.class) ? [] : null;
      const key = node.package === null ? null : packageKey(node.package);
      return (candidates.find((one) => one.package === key) ?? candidates[0])?.inputs ?? [];
    },
    presetsOf: (name) => presets.get(name) ?? presets.get(unwrapped(name, wrappers)) ?? [],
    foldersOfInput: (input) => {
      conventions ??= conventionsOf(packages);
      return conventions.get(input) ?? [];
    },
  };
}

function unwrapped(name: string, wrappers: readonly string[]): string {
  const wrapper = wrappers.find((ending) => name.endsWith(ending));
  return wrapper === undefined ? name : name.slice(0, -wrapper.length);
}

/** `kijai/ComfyUI-KJNodes`, `comfyui-kjnodes` and `ComfyUI_KJNodes` are one package. */
function packageKey(name: string): string {
  const repository = name.slice(name.lastIndexOf("/") + 1).toLowerCase();
  return repository.replace(/[^a-z0-9]/g, "").replace(/^comfy(ui)?(?=.)/, "");
}

/** Share of the classes with an input of one name that must agree on its folder. */
const AGREEMENT = 0.8;

/** Two classes at least must have the input, and nearly all must agree. */
function conventionsOf(packages: readonly RegistryPackage[]): ReadonlyMap<string, readonly string[]> {
  const names = packages.flatMap((one) => one.loaders.filter((input) => input.written === "name"));
  const agreed = [...groupBy(names, (input) => input.input)].flatMap(([input, uses]) => {
    const [most = []] = [...groupBy(uses, (use) => use.folders[0] ?? "").values()].sort((a, b) => b.length - a.length);
    const isAgreed = most.length > 1 && most.length >= AGREEMENT * uses.length;
    return isAgreed ? [[input, most[0]?.folders ?? []] as const] : [];
  });
  return new Map(agreed);
}

function pairs(preset: Preset): readonly (readonly [string, Preset])[] {
  return preset.classes.map((name) => [name, preset]);
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  return groupMany(items.map((item) => [keyOf(item), item]));
}

function groupMany<T>(entries: readonly (readonly [string, T])[]): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const [key, item] of entries) {
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}
