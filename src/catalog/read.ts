/** Makes a document of the bytes of a file: which reader reads it, and what is refused before any of them does. */
import { isUtf8 } from "node:buffer";
import type { Problem } from "../base/errors.ts";
import { createDocument, type Document, type Fault, lineColumnOf, MARKED_LEVELS, type Parsed } from "./document.ts";
import { readJson } from "./json.ts";
import { readPlainYaml } from "./plain-yaml.ts";

/** Bytes of a manifest, kit, lockfile, config or piece table. 100,000 models take about 30 MB. */
export const MAX_TEXT_BYTES: number = 64 * 1024 * 1024;
/** The whole language of YAML costs up to 500 bytes of memory and 2 µs a byte, so it gets less. */
const MAX_YAML_BYTES = 1024 * 1024;

export type ReadDocument =
  | { readonly kind: "ok"; readonly document: Document }
  | { readonly kind: "bad"; readonly problems: readonly Problem[] };

/**
 * Reads YAML or JSON (by the name: `.json` holds JSON alone). Never throws because of what the bytes hold.
 * @param file how the place of a problem names it
 */
export async function readDocument(file: string, content: Uint8Array | string): Promise<ReadDocument> {
  const decoded = decode(file, content);
  if (typeof decoded !== "string") return { kind: "bad", problems: [decoded] };
  return finish(file, decoded, await readText(file, decoded));
}

/** Reads JSON at once, for a format that only machines write. */
export function readJsonDocument(file: string, text: string): ReadDocument {
  const decoded = decode(file, text);
  if (typeof decoded !== "string") return { kind: "bad", problems: [decoded] };
  return finish(file, decoded, readJson(decoded));
}

async function readText(file: string, text: string): Promise<Parsed | readonly Fault[]> {
  const conflict = /^(?:<{7}|>{7}) /m.exec(text);
  if (conflict !== null) {
    return [{ offset: conflict.index, message: "an unfinished merge left its marks", fix: "finish the merge" }];
  }
  const isJson = /\.json$/i.test(file);
  if (isJson || /^\s*[{[]/.test(text)) {
    const json = shallow(text, readJson);
    if (isJson || !isFaults(json)) return json;
  }
  const plain = shallow(text, readPlainYaml);
  if (!("stoppedAt" in plain)) return plain;
  if (text.length <= MAX_YAML_BYTES) return (await import("./yaml.ts")).readYaml(text);
  const message = "this is wrong, or not the plain form of YAML that a file of this size must have";
  return [{ offset: plain.stoppedAt, message, fix: "write one plain `key: value` a line, or JSON" }];
}

/** Reads with few marks, and once more when the place of something deeper is asked for. */
function shallow<Bad extends object>(
  text: string,
  read: (text: string, markedLevels?: number) => Parsed | Bad,
): Parsed | Bad {
  const isParsed = (found: Parsed | Bad): found is Parsed => "marks" in found;
  const parsed = read(text, MARKED_LEVELS);
  if (!isParsed(parsed)) return parsed;
  const readAgain = (): Parsed => {
    const whole = read(text);
    return isParsed(whole) ? whole : parsed;
  };
  return { ...parsed, readAgain };
}

function finish(file: string, text: string, read: Parsed | readonly Fault[]): ReadDocument {
  if (!isFaults(read)) return { kind: "ok", document: createDocument(file, text, read) };
  const at = createDocument(file, text, { root: null, rootAt: 0, marks: new Map() });
  return { kind: "bad", problems: read.map(({ offset, ...rest }) => ({ at: at.place(offset), ...rest })) };
}

function isFaults(read: Parsed | readonly Fault[]): read is readonly Fault[] {
  return Array.isArray(read);
}

/** The text without its byte order mark, or why it is none. */
function decode(file: string, content: Uint8Array | string): string | Problem {
  if (content.length > MAX_TEXT_BYTES) {
    const message = `this is larger than ${MAX_TEXT_BYTES / 1024 / 1024} MiB`;
    return { at: `${file}:1:1`, message, fix: "split it into several files" };
  }
  if (typeof content !== "string" && !isUtf8(content)) return encodingProblem(file, content);
  const text =
    typeof content === "string"
      ? content
      : Buffer.from(content.buffer, content.byteOffset, content.byteLength).toString("utf8");
  return text.startsWith("\ufeff") ? text.slice(1) : text;
}

function encodingProblem(file: string, content: Uint8Array): Problem {
  const bytes = Buffer.from(content);
  const mended = Buffer.from(bytes.toString("utf8"));
  const wrong = bytes.findIndex((byte, index) => byte !== mended[index]);
  const before = bytes.subarray(0, wrong).toString("utf8");
  const at = `${file}:${lineColumnOf(before, before.length)}`;
  return { at, message: "the bytes here are not UTF-8", fix: "save the file as UTF-8" };
}
