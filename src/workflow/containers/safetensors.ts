/** Texts in `.latent` and `.safetensors` files: `__metadata__` of their header. */
import { parseJson } from "../json.ts";
import { isRecord } from "../shapes.ts";
import { keep, type Texts } from "./texts.ts";

const LENGTH_BYTES = 8;

/** True for a file that starts with the length of a JSON header that fits into it. */
export function isSafetensors(bytes: Buffer): boolean {
  if (bytes.length < LENGTH_BYTES + 2 || bytes[LENGTH_BYTES] !== 0x7b) return false;
  return bytes.readBigUInt64LE(0) <= BigInt(bytes.length - LENGTH_BYTES);
}

/** Keeps every text of the header. */
export function readSafetensors(bytes: Buffer, texts: Texts): void {
  const length = Number(bytes.readBigUInt64LE(0));
  const header = parseJson(bytes.toString("utf8", LENGTH_BYTES, LENGTH_BYTES + length));
  const metadata = isRecord(header) ? header["__metadata__"] : null;
  if (!isRecord(metadata)) return;
  for (const [key, value] of Object.entries(metadata)) if (typeof value === "string") keep(texts, key, value);
}
