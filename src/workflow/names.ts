/** How the name of a file of weights is told from other text, and how it is spelled the same everywhere. */

/** Endings of files that hold weights; folders of ComfyUI and of its custom nodes list no others. */
export const WEIGHT_ENDINGS: readonly string[] = [
  ".safetensors",
  ".sft",
  ".gguf",
  ".ckpt",
  ".pt",
  ".pt2",
  ".pth",
  ".bin",
  ".onnx",
  ".pkl",
  ".torchscript",
  ".patch",
  ".engine",
];

const LONGEST_ENDING = Math.max(...WEIGHT_ENDINGS.map((ending) => ending.length));

const MAX_NAME = 1024;
const ENDING = new RegExp(`(?:${WEIGHT_ENDINGS.map((ending) => ending.replace(".", "\\.")).join("|")})$`, "i");

/** True when `value` is one line of text that ends like a file of weights. */
export function isWeightName(value: unknown): value is string {
  return typeof value === "string" && value.length <= MAX_NAME && hasWeightEnding(value) && !/[\r\n\0]/.test(value);
}

/** True when `text` has one of the endings of weights. */
export function hasWeightEnding(text: string): boolean {
  return ENDING.test(text.slice(-LONGEST_ENDING));
}

/** The one spelling of a name: forward slashes, none at the start, no `.` parts. */
export function slashed(name: string): string {
  const trimmed = name.trim();
  if (!/[\\/]/.test(trimmed)) return trimmed;
  const parts = trimmed.replaceAll("\\", "/").split("/");
  return parts.filter((part) => part !== "" && part !== ".").join("/");
}

/** True for a path from the root of somebody's disk. */
export function isAbsolutePath(name: string): boolean {
  return /^(?:[a-z]:)?[\\/]/i.test(name.trim());
}

/** What comes after the last slash of either kind. */
export function baseName(name: string): string {
  return name.slice(Math.max(name.lastIndexOf("/"), name.lastIndexOf("\\")) + 1);
}

/** True for an `https://` or `http://` address. */
export function isAddress(value: string): boolean {
  return /^https?:\/\//i.test(value);
}

/** The name of the file that an address ends in, or null when it ends in none that holds weights. */
export function nameInAddress(address: string): string | null {
  if (!URL.canParse(address)) return null;
  const last = baseName(new URL(address).pathname);
  return hasWeightEnding(last) ? decoded(last) : null;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
