/** What a running ComfyUI says of itself: which inputs of its classes are lists of files, and of which folder each list is. Pure. */
import { folderOfKind, presentFolder } from "../base/folders.ts";
import { isWeightName } from "./names.ts";
import { isRecord, type Json, listOf, recordsOf, textAt } from "./shapes.ts";

/** The server's answers, as they came. */
export interface ServerAnswers {
  /** Of `/object_info`. */
  readonly objectInfo: unknown;
  /** Of `/models/{kind}`, by kind. */
  readonly names: ReadonlyMap<string, unknown>;
  /** Of `/experiment/models`; null where the server does not know it. */
  readonly folders: unknown;
}

/** One input of a class whose value is chosen from a list. */
export interface ServerInput {
  readonly input: string;
  /** Place in `widgets_values`, or null when it cannot be told. */
  readonly index: number | null;
  /** Everything that the server would accept now. */
  readonly values: ReadonlySet<string>;
  /** True when files of weights are among them. */
  readonly hasFiles: boolean;
  /** Folders of the tree whose files they are: one when it is sure, several when the lists do not tell, none when unknown. */
  readonly folders: readonly string[];
  /** True when the list shows all files of these folders: then it is their list, not a choice from it. */
  readonly isWhole: boolean;
}

export interface Server {
  /** The lists of a class; null when the server does not have it. */
  readonly inputsOf: (className: string) => readonly ServerInput[] | null;
}

/** Kinds of files that are no weights. */
const NO_WEIGHTS: ReadonlySet<string> = new Set(["configs", "custom_nodes", "datasets", "fonts"]);

/** Reads the answers once; each class when it is first asked for. */
export function readServer({ objectInfo, names, folders }: ServerAnswers): Server {
  const classes = isRecord(objectInfo) ? objectInfo : {};
  const places = placesOfKinds(folders);
  const lists = [...names].flatMap(([kind, list]): readonly FileList[] => {
    const folder = places.get(kind) ?? folderOfKind(kind);
    return NO_WEIGHTS.has(kind) ? [] : [{ folder, names: new Set(textsIn(list)) }];
  });
  const known = new Map<string, readonly ServerInput[] | null>();
  return {
    inputsOf: (name) => {
      const read = known.get(name) ?? readClass(Object.hasOwn(classes, name) ? classes[name] : null, lists);
      known.set(name, read);
      return read;
    },
  };
}

interface FileList {
  readonly folder: string;
  readonly names: ReadonlySet<string>;
}

/**
 * The folder of the tree for each kind, from the directories that the server searches. The models folder is the one
 * that most kinds lie in under their own name; directories elsewhere have no place in a tree.
 */
function placesOfKinds(folders: unknown): ReadonlyMap<string, string> {
  const kinds = recordsOf(folders).map((entry) => ({
    name: textAt(entry, "name") ?? "",
    directories: textsIn(entry["folders"]).map((directory) => directory.replaceAll("\\", "/")),
  }));
  const votes = new Map<string, number>();
  for (const { name, directories } of kinds) {
    for (const directory of directories.filter((one) => one.endsWith(`/${name}`))) {
      const parent = directory.slice(0, -name.length - 1);
      votes.set(parent, (votes.get(parent) ?? 0) + 1);
    }
  }
  const [root] = [...votes].sort((one, other) => other[1] - one[1])[0] ?? [];
  if (root === undefined) return new Map();
  return new Map(
    kinds.flatMap(({ name, directories }) => {
      const inside = directories.find((directory) => directory.startsWith(`${root}/`));
      return inside === undefined ? [] : [[name, presentFolder(inside.slice(root.length + 1))] as const];
    }),
  );
}

function readClass(raw: unknown, lists: readonly FileList[]): readonly ServerInput[] | null {
  if (!isRecord(raw)) return null;
  const specs = isRecord(raw["input"]) ? raw["input"] : {};
  const order = isRecord(raw["input_order"]) ? raw["input_order"] : {};
  const inputs: ServerInput[] = [];
  let index: number | null = 0;
  for (const part of ["required", "optional"]) {
    const group = isRecord(specs[part]) ? specs[part] : {};
    for (const name of namesInOrder(group, order[part])) {
      const { values, nested, widgets } = readSpec(name, group[name]);
      if (values !== null) inputs.push(toInput(name, index, values, lists));
      inputs.push(...nested.map(([inner, found]) => toInput(inner, null, found, lists)));
      index = index === null || widgets === null ? null : index + widgets;
    }
  }
  return inputs;
}

function namesInOrder(group: Json, order: unknown): readonly string[] {
  const said = textsIn(order).filter((name) => Object.hasOwn(group, name));
  return [...new Set([...said, ...Object.keys(group)])];
}

interface Spec {
  /** What can be chosen, or null when nothing is chosen from a list. */
  readonly values: readonly string[] | null;
  /** Lists that come with one of the choices, by the name that the server gives them. */
  readonly nested: readonly (readonly [string, readonly string[]])[];
  /** How many places in `widgets_values` it takes; null when that depends on what is chosen. */
  readonly widgets: number | null;
}

const WIDGET_TYPES: ReadonlySet<unknown> = new Set(["INT", "FLOAT", "STRING", "BOOLEAN", "COMBO"]);

/** `[["a", "b"], {…}]`, `["COMBO", {"options": ["a", "b"]}]`, or a type; a choice can bring inputs of its own. */
function readSpec(name: string, raw: unknown): Spec {
  const [type, second] = listOf(raw);
  const options = isRecord(second) ? second : {};
  if (Array.isArray(type)) return { values: textsIn(type), nested: [], widgets: 1 };
  const choices = listOf(options["options"]);
  const dynamic = recordsOf(choices).filter((choice) => isRecord(choice["inputs"]));
  if (dynamic.length > 0) {
    return { values: null, nested: dynamic.flatMap((choice) => nestedLists(name, choice["inputs"])), widgets: null };
  }
  if (type === "COMBO") return { values: textsIn(choices), nested: [], widgets: 1 };
  const isWidget = WIDGET_TYPES.has(type) && options["forceInput"] !== true;
  // The editor keeps what becomes of such a number after each run in a place of its own.
  const isSeed = name === "seed" || name === "noise_seed" || options["control_after_generate"] === true;
  return { values: null, nested: [], widgets: isWidget ? (type === "INT" && isSeed ? 2 : 1) : 0 };
}

function nestedLists(name: string, inputs: unknown): readonly (readonly [string, readonly string[]])[] {
  const groups = isRecord(inputs) ? ["required", "optional"].map((part) => inputs[part]).filter(isRecord) : [];
  return groups.flatMap((group) =>
    Object.entries(group).flatMap(([inner, spec]) => {
      const { values } = readSpec(inner, spec);
      return values === null ? [] : [[`${name}.${inner}`, values] as const];
    }),
  );
}

/** A list is of the folder whose files it shows; of several such folders those that have no other files, if any. */
function toInput(
  input: string,
  index: number | null,
  values: readonly string[],
  lists: readonly FileList[],
): ServerInput {
  const files = values.filter(isWeightName);
  const showing = files.length === 0 ? [] : lists.filter(({ names }) => files.every((file) => names.has(file)));
  const exact = showing.filter(({ names }) => names.size === new Set(files).size);
  const folders = (exact.length > 0 ? exact : showing).map(({ folder }) => folder);
  return {
    input,
    index,
    values: new Set(values),
    hasFiles: files.length > 0,
    folders: [...new Set(folders)],
    isWhole: exact.length > 0,
  };
}

function textsIn(value: unknown): readonly string[] {
  return listOf(value).filter((one) => typeof one === "string");
}
