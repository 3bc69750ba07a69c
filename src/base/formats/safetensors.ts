/** The rules of a safetensors header: which tensors a file holds, and that they cover it without gap or overlap. Pure. */
import { bad, type HeaderVerdict } from "./header.ts";
import { hasRepeatedKey } from "./json-keys.ts";

/** Longest header that the format allows, in bytes (safetensors, `MAX_HEADER_SIZE`). */
export const MAX_SAFETENSORS_HEADER = 100_000_000;

const BITS: Readonly<Record<string, number>> = {
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
  BOOL: 8,
  U8: 8,
  I8: 8,
  F8_E4M3: 8,
  F8_E5M2: 8,
  F8_E8M0: 8,
  F8_E4M3FNUZ: 8,
  F8_E5M2FNUZ: 8,
  I16: 16,
  U16: 16,
  F16: 16,
  BF16: 16,
  I32: 32,
  U32: 32,
  F32: 32,
  I64: 64,
  U64: 64,
  F64: 64,
  C64: 64,
};

interface Tensor {
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

/**
 * Reads the header of a safetensors file of `size` bytes from its first bytes.
 * Good is what the reference reader accepts: 8 bytes of length, JSON padded with spaces, each key once, and tensors
 * that lie end to end from the first byte after the header to the last byte of the file.
 */
export function readSafetensorsHeader(bytes: Uint8Array, size: number): HeaderVerdict {
  if (size < 8) return bad(`has only ${size} bytes, a safetensors file begins with 8 bytes of header length`);
  if (bytes.length < 8) return { kind: "more", needBytes: 8 };
  const length = new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getBigUint64(0, true);
  if (length > BigInt(MAX_SAFETENSORS_HEADER)) return bad(`says that its safetensors header has ${length} bytes`);
  const end = 8 + Number(length);
  if (end > size) return bad(`says that its safetensors header has ${length} bytes, the file has ${size}`);
  if (bytes.length > 8 && bytes[8] !== 0x7b) return bad('has a safetensors header that does not begin with "{"');
  if (bytes.length < end) return { kind: "more", needBytes: end };
  const problem = headerProblem(bytes.subarray(8, end), size - end);
  return problem === null ? { kind: "ok", headerBytes: end } : bad(problem);
}

function headerProblem(header: Uint8Array, dataBytes: number): string | null {
  const text = decodeUtf8(header);
  const parsed = text === null ? undefined : parseJson(text);
  if (text === null || !isRecord(parsed)) return "has a safetensors header that is not a JSON object";
  if (!/\} *$/.test(text)) return "has a safetensors header that is padded with something else than spaces";
  if (hasRepeatedKey(text, parsed)) return "has a safetensors header that names something twice";
  const tensors: Tensor[] = [];
  for (const [name, value] of Object.entries(parsed)) {
    if (name === "__metadata__") {
      if (!isTextRecord(value)) return "has __metadata__ that is not texts by name";
      continue;
    }
    const tensor = readTensor(name, value);
    if (typeof tensor === "string") return `has a tensor ${JSON.stringify(name.slice(0, 80))} ${tensor}`;
    tensors.push(tensor);
  }
  return coverProblem(tensors, dataBytes);
}

function readTensor(name: string, value: unknown): Tensor | string {
  if (!isRecord(value)) return "that is not described by an object";
  const { dtype, shape, data_offsets: offsets } = value as Record<"dtype" | "shape" | "data_offsets", unknown>;
  if (typeof dtype !== "string") return "without a dtype";
  if (!isCounts(shape)) return "without a shape of whole numbers";
  if (!isCounts(offsets) || offsets.length !== 2) return "without two data_offsets";
  const [start = 0, end = 0] = offsets;
  if (end < start) return `that ends at ${end} before it begins at ${start}`;
  const bits = Object.hasOwn(BITS, dtype) ? BITS[dtype] : undefined;
  // A dtype from after this list was written: its width is unknown, its place in the file is still checked.
  if (bits === undefined) return { name, start, end };
  const wanted = shape.reduce((product, count) => product * BigInt(count), BigInt(bits));
  if (wanted % 8n !== 0n) return "whose last byte is not whole";
  if (wanted / 8n !== BigInt(end - start)) return `of ${end - start} bytes, its shape and dtype make ${wanted / 8n}`;
  return { name, start, end };
}

function coverProblem(tensors: Tensor[], dataBytes: number): string | null {
  let at = 0;
  for (const { name, start, end } of tensors.sort((a, b) => a.start - b.start || a.end - b.end)) {
    if (start !== at) return `has a tensor ${JSON.stringify(name.slice(0, 80))} at ${start}, expected it at ${at}`;
    at = end;
  }
  return at === dataBytes ? null : `has tensors of ${at} bytes after its header, the file has ${dataBytes} there`;
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isTextRecord = (value: unknown): boolean =>
  isRecord(value) && Object.values(value).every((one) => typeof one === "string");

const isCounts = (value: unknown): value is readonly number[] =>
  Array.isArray(value) && value.length <= 64 && value.every((one) => Number.isSafeInteger(one) && one >= 0);

function decodeUtf8(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
