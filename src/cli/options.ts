/** The flags that commands share, described once. */
import { parseBytes } from "../base/bytes.ts";
import { didYouMean } from "../base/did-you-mean.ts";
import { ModelsError } from "../base/errors.ts";
import { parseOverride } from "../workflow/overrides.ts";
import type { ArgumentSpec, OptionSpec } from "./command.ts";

/** Repeatable, and comma separated within one: `--kit flux,sdxl --kit wan`. */
function collect(text: string, before: unknown): readonly string[] {
  return [...listOf(before), ...splitList(text)];
}

/** Repeatable only: a path may have a comma. */
function collectWhole(text: string, before: unknown): readonly string[] {
  return [...listOf(before), text];
}

/** Repeatable: `--set 4.ckpt_name=a.safetensors --set 7.lora_name=b.safetensors`. */
function collectOverride(text: string, before: unknown): readonly unknown[] {
  return [...(Array.isArray(before) ? before : []), parseOverride(text)];
}

function listOf(before: unknown): readonly string[] {
  return Array.isArray(before) ? before : [];
}

/** `flux, sdxl` as two names; empty parts are left out. */
function splitList(text: string): readonly string[] {
  return text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

function positiveRate(text: string): number {
  const bytes = parseBytes(text);
  if (bytes > 0) return bytes;
  throw new ModelsError("USAGE", `Cannot use rate "${text}": expected more than nothing`, {
    fix: "write it as 50MB, bytes per second",
  });
}

function laneCount(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1 && count <= 256) return count;
  throw new ModelsError("USAGE", `Cannot use "${text}" lanes: expected a whole number from 1 to 256`, {
    fix: "leave --lanes out to have modelferry find the number",
  });
}

/** Accepted before and after every command. */
export const GLOBAL_OPTIONS: readonly OptionSpec[] = [
  {
    flags: "--root <folder>",
    says: "models folder (else MODELS_ROOT, the config, ./models)",
    completes: "folder",
  },
  { flags: "--config <file>", says: "config to use (else ./models.config.yaml)", completes: "file" },
  {
    flags: "--manifests <place>",
    says: "folder, file or URL with manifests; repeatable",
    parse: collectWhole,
    completes: "file",
  },
  {
    flags: "--kits <place>",
    says: "folder, file or URL with kits; repeatable",
    parse: collectWhole,
    completes: "file",
  },
  {
    flags: "--extra-model-paths <file>",
    says: "ComfyUI's extra_model_paths.yaml: files in its folders count as present; repeatable",
    parse: collectWhole,
    completes: "file",
  },
  { flags: "--json", says: "JSON on standard output" },
  { flags: "-q, --quiet", says: "no progress; errors and the result only" },
  { flags: "--no-color", says: "no colour (as with NO_COLOR)" },
];

/** Kits can offer a choice of precisions. */
export const VARIANT_OPTION: OptionSpec = {
  flags: "--variant <name>",
  says: "which variant of the kits, such as fp8 (else the first; models kits show NAME lists them)",
};

/** How a workflow is read: wherever one is given. */
export const WORKFLOW_OPTIONS: readonly OptionSpec[] = [
  {
    flags: "--set <node.input=value>",
    says: "put a value into the workflow before it is read, such as 4.ckpt_name=name.safetensors; repeatable",
    parse: collectOverride,
  },
  {
    flags: "--comfyui <url>",
    says: "ask this running ComfyUI what its nodes load, such as http://127.0.0.1:8188",
  },
  {
    flags: "--allow-host <host>",
    says: "one more host from which a workflow's author may have files fetched; repeatable",
    parse: collectWhole,
  },
];

/** Which models: the same for every command that takes a selection. */
export const SELECT_OPTIONS: readonly OptionSpec[] = [
  {
    flags: "-k, --kit <name>",
    says: "every model of a kit; repeatable, or comma separated",
    parse: collect,
    completes: "kit",
  },
  VARIANT_OPTION,
  {
    flags: "-w, --workflow <file>",
    says: "every model that a ComfyUI workflow needs (- for stdin); repeatable, or comma separated",
    parse: collect,
    completes: "file",
  },
  ...WORKFLOW_OPTIONS,
];

export const MODEL_ARGUMENT: ArgumentSpec = {
  syntax: "[model...]",
  says: "models by name, path in the tree or file name",
  completes: "model",
};

/** A deliberate step back behind what was accepted before. */
export const DOWNGRADE_OPTION: OptionSpec = {
  flags: "--allow-downgrade",
  says: "accept signed manifests, kits and lockfiles that are older than those accepted before",
};

/** Formats that can run code when they are loaded. */
export const PICKLE_OPTION: OptionSpec = {
  flags: "--allow-pickle",
  says: "accept .ckpt, .pt, .pth and .bin files that a manifest names with a digest: they can run code when loaded",
};

/** How fast bytes may move, and over how many connections. */
const PACE_OPTIONS: readonly OptionSpec[] = [
  { flags: "--max-rate <rate>", says: "at most so many bytes a second, such as 50MB", parse: positiveRate },
  { flags: "--lanes <count>", says: "connections to each host (else found while it runs)", parse: laneCount },
  { flags: "--no-wait", says: "fail with exit code 5 when another process has the lock" },
];

/** What a fetch may do and how hard it tries. */
export const FETCH_OPTIONS: readonly OptionSpec[] = [
  { flags: "-n, --dry-run", says: "print the plan, fetch nothing" },
  { flags: "--offline", says: "use only what is on this box, no network at all" },
  { flags: "--frozen", says: "only what the lockfile pins; fail when it does not fit" },
  {
    flags: "--mirror <url>",
    says: "one more mirror for every model, such as https://host/{path}; repeatable",
    parse: collectWhole,
  },
  ...PACE_OPTIONS,
  PICKLE_OPTION,
  { flags: "--trust-first-use", says: "accept a model without a known digest, and remember what came" },
  DOWNGRADE_OPTION,
];

/** Where in which bucket, and what may happen there: for every command that writes into one. */
export const TO_BUCKET_OPTIONS: readonly OptionSpec[] = [
  { flags: "--to <bucket>", says: "r2://bucket/prefix or s3://bucket/prefix (else the configured mirror)" },
  { flags: "-n, --dry-run", says: "print the plan, send nothing" },
  {
    flags: "--layout <layout>",
    says: "tree: ComfyUI's folders (as is); sha256: names by content",
    parse: bucketLayout,
    completes: ["tree", "sha256"],
  },
  { flags: "--force", says: "replace another content under the same key" },
  {
    flags: "--verify [how]",
    says: "read back what was written: some pieces of each object, or all",
    parse: verifyHow,
    completes: ["sample", "all"],
  },
  { flags: "--manifest <file>", says: "write the entry into this file (else the one that has it)", completes: "file" },
  { flags: "--no-manifest", says: "write no entry" },
  ...PACE_OPTIONS,
];

function bucketLayout(text: string): string {
  return oneOf(text, "layout", ["tree", "sha256"]);
}

function verifyHow(text: string): string {
  return oneOf(text, "kind of verification", ["sample", "all"]);
}

function oneOf(text: string, what: string, choices: readonly string[]): string {
  if (choices.includes(text)) return text;
  throw new ModelsError("USAGE", `Cannot use "${text}": expected the ${what} ${choices.join(" or ")}`, {
    fix: didYouMean(text, choices) ?? `write ${choices.join(" or ")}`,
  });
}
