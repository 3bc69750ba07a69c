/** Texts in GLB: `asset.extras` of its JSON chunk (glTF 2.0). */
import { parseJson } from "../json.ts";
import { isRecord } from "../shapes.ts";
import { keep, type Texts } from "./texts.ts";

const JSON_CHUNK = 0x4e4f534a;

/** True for a binary glTF. */
export function isGlb(bytes: Buffer): boolean {
  return bytes.toString("latin1", 0, 4) === "glTF";
}

/** Reads the first chunk, which is the JSON. */
export function readGlb(bytes: Buffer, texts: Texts): void {
  if (bytes.length < 20 || bytes.readUInt32LE(16) !== JSON_CHUNK) return;
  const json = parseJson(bytes.toString("utf8", 20, 20 + bytes.readUInt32LE(12)));
  const asset = isRecord(json) ? json["asset"] : null;
  const extras = isRecord(asset) ? asset["extras"] : null;
  if (!isRecord(extras)) return;
  for (const [key, value] of Object.entries(extras)) {
    keep(texts, key, typeof value === "string" ? value : JSON.stringify(value));
  }
}
