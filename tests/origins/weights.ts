/** Weights that nobody trained: valid safetensors and GGUF files of any exact size, the same bytes for the same seed. */
import { createCipheriv, createHash } from "node:crypto";
import { mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";
import type { Sha256 } from "../../src/base/artifact.ts";
import { type Content, type Generated, sha256Of, stepsOf } from "./content.ts";

export interface WeightsOptions {
  /** Bytes of the whole file, exactly. */
  readonly size: number;
  /** @default "weights" */
  readonly seed?: string;
  /** Whose tensor names it has. @default "diffusion" */
  readonly shape?: TensorShape;
}

type TensorShape = "diffusion" | "clip" | "t5" | "vae" | "lora";

/** A weights file: content that is computed wherever it is read, so it costs neither memory nor disk. */
export interface Weights extends Generated {
  /** Read once from end to end the first time it is asked for. */
  readonly sha256: () => Promise<Sha256>;
  /** Bytes before the first tensor. */
  readonly headerBytes: number;
  readonly writeTo: (path: string) => Promise<void>;
}

/** How each layer's tensors are called in files of the trade. */
const LAYERS: Readonly<Record<TensorShape, readonly string[]>> = {
  diffusion: [
    "double_blocks.#.img_attn.qkv.weight",
    "double_blocks.#.img_attn.proj.weight",
    "double_blocks.#.img_mlp.0.weight",
    "double_blocks.#.txt_attn.qkv.weight",
    "single_blocks.#.linear1.weight",
    "single_blocks.#.linear2.weight",
  ],
  clip: [
    "text_model.encoder.layers.#.self_attn.q_proj.weight",
    "text_model.encoder.layers.#.self_attn.k_proj.weight",
    "text_model.encoder.layers.#.self_attn.v_proj.weight",
    "text_model.encoder.layers.#.mlp.fc1.weight",
  ],
  t5: [
    "encoder.block.#.layer.0.SelfAttention.q.weight",
    "encoder.block.#.layer.0.SelfAttention.k.weight",
    "encoder.block.#.layer.1.DenseReluDense.wi_0.weight",
    "encoder.block.#.layer.1.DenseReluDense.wo.weight",
  ],
  vae: [
    "decoder.up.#.block.0.conv1.weight",
    "decoder.up.#.block.0.conv2.weight",
    "encoder.down.#.block.0.conv1.weight",
  ],
  lora: [
    "lora_unet_double_blocks_#_img_attn_qkv.lora_down.weight",
    "lora_unet_double_blocks_#_img_attn_qkv.lora_up.weight",
  ],
};

const F16_BYTES = 2;

interface Tensor {
  readonly name: string;
  readonly dims: readonly number[];
  readonly bytes: number;
}

/**
 * A safetensors file: an 8-byte length, a JSON header padded with spaces, and F16 tensors that touch each other
 * and end with the file. An odd size ends in one U8 tensor of a single byte.
 * @throws RangeError when `size` is too small for a header
 */
export function makeSafetensors(options: WeightsOptions): Weights {
  const shape = options.shape ?? "diffusion";
  let headerBytes = 16;
  let header = "";
  // The header's length depends on the offsets in it, and they on its length; padding makes the two meet.
  do {
    headerBytes += 8 * Math.max(1, Math.ceil((Buffer.byteLength(header) - headerBytes) / 8));
    if (headerBytes >= options.size) throw new RangeError(`no safetensors file has ${options.size} bytes`);
    header = safetensorsHeader(tensorsOf(options.size - headerBytes, shape), options.seed ?? "weights");
  } while (Buffer.byteLength(header) + 8 > headerBytes);
  const head = Buffer.alloc(headerBytes, 0x20);
  head.writeBigUInt64LE(BigInt(headerBytes - 8));
  head.write(header, 8);
  return weightsOf(head, options);
}

function safetensorsHeader(tensors: readonly Tensor[], seed: string): string {
  let at = 0;
  const entries = tensors.map(({ name, dims, bytes }): [string, unknown] => {
    const begin = at;
    at += bytes;
    const dtype = bytes === 1 ? "U8" : "F16";
    return [name, { dtype, shape: dims, data_offsets: [begin, at] }];
  });
  return JSON.stringify(Object.fromEntries([["__metadata__", { format: "pt", seed }], ...entries]));
}

/** Tensors that fill `bytes` exactly: about one for each 4 MiB, the last one takes what is left. */
function tensorsOf(bytes: number, shape: TensorShape): readonly Tensor[] {
  const names = LAYERS[shape];
  const count = Math.max(1, Math.min(512, Math.round(bytes / (4 * 1024 * 1024))));
  const columns = 64;
  const rowBytes = columns * F16_BYTES;
  const rows = Math.floor(bytes / count / rowBytes);
  const tensors: Tensor[] = [];
  for (let i = 0; i < count - 1; i += 1) {
    const name = (names[i % names.length] as string).replace("#", String(Math.floor(i / names.length)));
    tensors.push({ name, dims: [rows, columns], bytes: rows * rowBytes });
  }
  const left = bytes - (count - 1) * rows * rowBytes;
  const elements = Math.floor(left / F16_BYTES);
  if (elements > 0) tensors.push({ name: "final_layer.linear.weight", dims: [elements], bytes: elements * F16_BYTES });
  if (left % F16_BYTES === 1) tensors.push({ name: "final_layer.flag", dims: [1], bytes: 1 });
  return tensors;
}

const GGUF_ALIGNMENT = 32;
const [GGUF_F16, GGUF_I8] = [1, 24];

/**
 * A GGUF file, version 3: three keys, F16 tensors at aligned offsets; an odd size ends in an I8 tensor.
 * @throws RangeError when `size` is too small for a header
 */
export function makeGguf(options: WeightsOptions): Weights {
  const shape = options.shape ?? "diffusion";
  let headerBytes = GGUF_ALIGNMENT;
  let header: Buffer = Buffer.alloc(0);
  do {
    headerBytes = Math.ceil(Math.max(header.length, headerBytes) / GGUF_ALIGNMENT) * GGUF_ALIGNMENT;
    if (headerBytes >= options.size) throw new RangeError(`no GGUF file has ${options.size} bytes`);
    header = ggufHeader(ggufTensors(options.size - headerBytes, shape), options.seed ?? "weights");
  } while (header.length > headerBytes);
  return weightsOf(Buffer.concat([header, Buffer.alloc(headerBytes - header.length)]), options);
}

/** Offsets must be multiples of the alignment, so every tensor but the last one is. */
function ggufTensors(bytes: number, shape: TensorShape): readonly Tensor[] {
  const tensors = tensorsOf(bytes - (bytes % F16_BYTES), shape);
  if (bytes % F16_BYTES === 0) return tensors;
  const last = tensors.at(-1);
  return last === undefined
    ? [{ name: "final_layer.flag", dims: [bytes], bytes }]
    : [...tensors.slice(0, -1), { name: last.name, dims: [last.bytes + 1], bytes: last.bytes + 1 }];
}

function ggufHeader(tensors: readonly Tensor[], seed: string): Buffer {
  const u32 = (value: number): Buffer => {
    const made = Buffer.alloc(4);
    made.writeUInt32LE(value);
    return made;
  };
  const u64 = (value: number): Buffer => {
    const made = Buffer.alloc(8);
    made.writeBigUInt64LE(BigInt(value));
    return made;
  };
  const text = (value: string): Buffer => Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)]);
  const [typeU32, typeString] = [4, 8];
  let offset = 0;
  const infos = tensors.map(({ name, dims, bytes }) => {
    const type = bytes % F16_BYTES === 0 ? GGUF_F16 : GGUF_I8;
    const made = Buffer.concat([text(name), u32(dims.length), ...dims.map(u64), u32(type), u64(offset)]);
    offset += bytes;
    return made;
  });
  return Buffer.concat([
    Buffer.from("GGUF"),
    u32(3),
    u64(tensors.length),
    u64(3),
    ...[text("general.architecture"), u32(typeString), text("flux")],
    ...[text("general.name"), u32(typeString), text(seed)],
    ...[text("general.alignment"), u32(typeU32), u32(GGUF_ALIGNMENT)],
    ...infos,
  ]);
}

function weightsOf(head: Buffer, { size, seed = "weights" }: WeightsOptions): Weights {
  const noise = createNoise(seed);
  const read = (start: number, end: number): Uint8Array => {
    if (start >= head.length) return noise(start, end);
    if (end <= head.length) return head.subarray(start, end);
    return Buffer.concat([head.subarray(start), noise(head.length, end)]);
  };
  const generated: Generated = { size, read };
  let digest: Promise<Sha256> | null = null;
  return {
    ...generated,
    headerBytes: head.length,
    sha256: () => {
      digest ??= sha256Of(generated);
      return digest;
    },
    writeTo: (path) => writeContent(generated, path),
  };
}

/** Bytes that look random and can be read from anywhere: the key stream of AES-128 in counter mode. */
export function createNoise(seed: string): (start: number, end: number) => Buffer {
  const key = createHash("sha256").update(seed).digest().subarray(0, 16);
  return (start, end) => {
    const counter = Buffer.alloc(16);
    const skip = start % 16;
    counter.writeBigUInt64BE(BigInt((start - skip) / 16), 8);
    const cipher = createCipheriv("aes-128-ctr", key, counter);
    return cipher.update(Buffer.alloc(skip + end - start)).subarray(skip);
  };
}

/** Writes any content to a file, making the folders above it. */
async function writeContent(content: Content, path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const file = await open(path, "w");
  try {
    for await (const step of stepsOf(content)) await file.write(step);
  } finally {
    await file.close();
  }
}
