/** What the first bytes of a file are, and whether they can be the weights that were asked for. Pure. */
import { readGgufHeader } from "./gguf.ts";
import { readSafetensorsHeader } from "./safetensors.ts";

export interface SniffOptions {
  /** Bytes of the whole file, or null when nobody has said. */
  readonly size: number | null;
  /** Whether a format that can run code when it is loaded is fine. */
  readonly allowPickle: boolean;
  /**
   * Whether the digest is known: then it will judge the content, and only what is plainly another kind of file is
   * refused here. @default false
   */
  readonly isPinned?: boolean;
}

const TEXT_FILES = /\.(json|ya?ml|txt|md|csv|jinja|model|index|toml)$/i;

/**
 * What is wrong with a file of which `head` is the beginning, or null: an error page, a pointer, another format than
 * its name says, a format that can run code. Reads on from "the file ": `is an HTML page ("<!doctype html>…")`.
 */
export function sniffWeights(head: Uint8Array, path: string, options: SniffOptions): string | null {
  if (options.size === 0 || head.length === 0) return "is empty";
  const stray = strayProblem(head, path);
  if (stray !== null) return stray;
  const pickle = pickleFormat(head);
  if (/\.(safetensors|sft)$/i.test(path))
    return pickle ?? (options.isPinned ? null : safetensorsProblem(head, options.size));
  if (/\.gguf$/i.test(path)) return pickle ?? ggufProblem(head, options);
  return options.allowPickle ? null : pickle;
}

/** True for names that PyTorch and others give to pickles, whatever is in the file. */
export function isPickleName(path: string): boolean {
  return /\.(?:ckpt|pt2?|pth|bin|pkl|pickle|th|t7|dill|joblib)$/i.test(path);
}

/** True when refusing `head` at `path` is about formats that can run code, not about a wrong file. */
export function isPickleRefusal(head: Uint8Array, path: string): boolean {
  return pickleFormat(head) !== null && !/\.(safetensors|sft|gguf)$/i.test(path) && strayProblem(head, path) === null;
}

/** The first bytes, safe to print: as quoted text where they are text, else as hex. */
export function quoteHead(head: Uint8Array): string {
  const text = Buffer.from(head.subarray(0, 60)).toString("latin1");
  if (/^[\t\r\n\x20-\x7e]+$/.test(text)) return JSON.stringify(text);
  return `bytes ${Buffer.from(head.subarray(0, 12)).toString("hex")}`;
}

function strayProblem(head: Uint8Array, path: string): string | null {
  const text = Buffer.from(head.subarray(0, 1024))
    .toString("latin1")
    .replace(/^\xef\xbb\xbf/, "")
    .trimStart();
  if (/^version https:\/\/(git-lfs|hawser)\.github\.com\/spec\//.test(text)) {
    return `is a git-lfs pointer (${quoteHead(head)}), not the file that it points to`;
  }
  if (/^<(!doctype\s+html|html|head|body|script|title|!--)/i.test(text)) return `is an HTML page (${quoteHead(head)})`;
  if (TEXT_FILES.test(path)) return null;
  if (/^<(\?xml|error|!doctype|[a-z]+[\s>])/i.test(text)) return `is an XML document (${quoteHead(head)})`;
  if (/^[{[]\s*(["{[\]}\d-]|true|false|null)/.test(text)) return `is a JSON document (${quoteHead(head)})`;
  return null;
}

/** Names the pickle-bearing format that `head` is, or null. */
function pickleFormat(head: Uint8Array): string | null {
  const [first, second] = head;
  if (first === 0x50 && second === 0x4b && (head[2] ?? 0) < 9) {
    return "is a zip archive, as PyTorch saves pickles, which can run code when they are loaded";
  }
  if (first === 0x80 && second !== undefined && second >= 2 && second <= 5 && !looksLikeSafetensors(head)) {
    return "is a Python pickle, which can run code when it is loaded";
  }
  const isTar = Buffer.from(head.subarray(257, 262)).toString("latin1") === "ustar";
  return isTar ? "is a tar archive, as old PyTorch saves pickles, which can run code when they are loaded" : null;
}

// A safetensors file whose header has 640 (0x0280) bytes begins like a pickle of protocol 2.
const looksLikeSafetensors = (head: Uint8Array): boolean =>
  head[8] === 0x7b && head.subarray(4, 8).every((byte) => byte === 0);

function safetensorsProblem(head: Uint8Array, size: number | null): string | null {
  const verdict = readSafetensorsHeader(head, size ?? Number.MAX_SAFE_INTEGER);
  // Without a size the end of the tensors has nothing to be held against.
  if (verdict.kind !== "bad" || (size === null && /after its header/.test(verdict.problem))) return null;
  return `${verdict.problem} (${quoteHead(head)})`;
}

function ggufProblem(head: Uint8Array, { size, isPinned }: SniffOptions): string | null {
  if (isPinned && Buffer.from(head.subarray(0, 4)).toString("latin1") === "GGUF") return null;
  const verdict = readGgufHeader(head, size ?? Number.MAX_SAFE_INTEGER);
  return verdict.kind === "bad" ? `${verdict.problem} (${quoteHead(head)})` : null;
}
