/** ComfyUI's protocol, as far as it says what its nodes load: `/object_info`, `/models`, `/experiment/models`, `/prompt`. */
import { type Origin, type OriginOptions, startOrigin } from "./origin.ts";
import { type Asked, type Reply, replyJson, replyWith } from "./reply.ts";

/** An input of a class: a list of files of a kind, a list of words, or a type with its options. */
export type ComfyInput =
  | { readonly files: string; readonly before?: readonly string[]; readonly schema?: "v1" | "v3" }
  | { readonly words: readonly string[]; readonly schema?: "v1" | "v3" }
  /** Each choice brings inputs of its own. */
  | { readonly choices: Readonly<Record<string, ComfyInputs>> }
  | { readonly type: string; readonly options?: object };

export type ComfyInputs = Readonly<Record<string, ComfyInput>>;

export interface ComfyClass {
  readonly required?: ComfyInputs;
  readonly optional?: ComfyInputs;
  /** @default "nodes" */
  readonly module?: string;
}

export interface ComfyKind {
  readonly names: readonly string[];
  /** Directories that are searched. @default `/comfyui/models/<kind>` */
  readonly directories?: readonly string[];
}

export interface ComfyuiOptions extends OriginOptions {
  /** Files by kind: `{ loras: { names: ["a.safetensors"] } }`. */
  readonly kinds: Readonly<Record<string, ComfyKind>>;
  readonly classes: Readonly<Record<string, ComfyClass>>;
  /** Whether `/experiment/models` exists, which older servers do not have. @default true */
  readonly hasExperiments?: boolean;
}

export interface Comfyui extends AsyncDisposable {
  /** What `--comfyui` is given. */
  readonly url: string;
  readonly origin: Origin;
  readonly close: () => Promise<void>;
}

/** Starts a server that answers as ComfyUI 0.3 and later do. */
export async function startComfyui(options: ComfyuiOptions): Promise<Comfyui> {
  const origin = await startOrigin((asked) => answerTo(asked, options), options);
  return { url: origin.url, origin, close: () => origin.close(), [Symbol.asyncDispose]: () => origin.close() };
}

function answerTo({ path }: Asked, options: ComfyuiOptions): Reply {
  const { kinds, hasExperiments = true } = options;
  const [, first, second, third] = path.split("/");
  if (first === "object_info") return infoReply(objectInfo(options, second));
  if (first === "models" && second === undefined) return replyJson(200, Object.keys(kinds));
  if (first === "models" && second !== undefined) {
    // Older names of a kind are unknown here as well.
    const kind = Object.hasOwn(kinds, second) ? kinds[second] : undefined;
    return kind === undefined ? replyWith(404, {}) : replyJson(200, kind.names);
  }
  if (hasExperiments && first === "experiment" && second === "models" && third === undefined) {
    return replyJson(
      200,
      Object.keys(kinds)
        .filter((kind) => kind !== "configs" && kind !== "custom_nodes")
        .map((kind) => folderOf(kind, kinds)),
    );
  }
  return replyWith(404, {}, "404: Not Found");
}

/** Python writes numbers that JSON does not have. */
function infoReply(info: object): Reply {
  const text = JSON.stringify(info).replaceAll('"<Infinity>"', "Infinity");
  return replyWith(200, { "Content-Type": "application/json; charset=utf-8" }, text);
}

function folderOf(name: string, kinds: ComfyuiOptions["kinds"]): object {
  const directories = kinds[name]?.directories ?? [`/comfyui/models/${name}`];
  return { name, folders: [...directories, `/comfyui/output/${name}`], extensions: [".safetensors", ".pt"] };
}

function objectInfo({ classes, kinds }: ComfyuiOptions, only: string | undefined): Readonly<Record<string, object>> {
  const entries = Object.entries(classes).filter(([name]) => only === undefined || name === only);
  return Object.fromEntries(
    entries.map(([name, { required = {}, optional, module = "nodes" }]) => {
      const groups = { required, ...(optional === undefined ? {} : { optional }) };
      const specs = Object.entries(groups).map(([group, inputs]) => [group, specsOf(inputs, kinds)] as const);
      const info = {
        input: Object.fromEntries(specs),
        input_order: Object.fromEntries(specs.map(([group, inputs]) => [group, Object.keys(inputs)])),
        output: ["MODEL"],
        output_is_list: [false],
        output_name: ["MODEL"],
        name,
        display_name: name,
        description: "",
        python_module: module,
        category: "loaders",
        output_node: false,
      };
      return [name, info] as const;
    }),
  );
}

function specsOf(inputs: ComfyInputs, kinds: ComfyuiOptions["kinds"]): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, specOf(input, kinds)]));
}

function specOf(input: ComfyInput, kinds: ComfyuiOptions["kinds"]): readonly unknown[] {
  if ("type" in input) return [input.type, input.options ?? {}];
  if ("choices" in input) {
    const options = Object.entries(input.choices).map(([key, inputs]) => ({
      key,
      inputs: { required: specsOf(inputs, kinds) },
    }));
    return ["COMFY_DYNAMICCOMBO_V3", { options }];
  }
  const values = "files" in input ? [...(input.before ?? []), ...(kinds[input.files]?.names ?? [])] : input.words;
  if (input.schema === "v3") return ["COMBO", { multiselect: false, options: values }];
  return [values, { tooltip: "The name of the file to load." }];
}
