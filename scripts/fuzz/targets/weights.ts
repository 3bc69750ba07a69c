/** Headers of weights, and what makes a path or a source. */
import { isDeepStrictEqual } from "node:util";
import { readGgufHeader } from "../../../src/base/formats/gguf.ts";
import type { HeaderVerdict } from "../../../src/base/formats/header.ts";
import { readSafetensorsHeader } from "../../../src/base/formats/safetensors.ts";
import { sniffWeights } from "../../../src/base/formats/sniff.ts";
import { collisionKey, joinUnder, parseTreePath } from "../../../src/base/paths.ts";
import { sourceProblem } from "../../../src/catalog/source-uri.ts";
import { expandTemplate } from "../../../src/sources/template.ts";
import { formatSource, parseSource, printSource } from "../../../src/sources/uri.ts";
import { mustHold, type Target, textOf, texts } from "../terms.ts";

/** A header with its length before it, and the bytes that it speaks of. */
function safetensors(header: object, dataBytes: number): Buffer {
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, Buffer.alloc(dataBytes)]);
}

const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};
const u64 = (value: number): Buffer => Buffer.concat([u32(value), u32(0)]);
const text = (value: string): Buffer => Buffer.concat([u64(value.length), Buffer.from(value)]);

function gguf(): Buffer {
  const head = [Buffer.from("GGUF"), u32(3), u64(1), u64(3)];
  const pairs = [
    ...[text("general.alignment"), u32(4), u32(32)],
    ...[text("a"), u32(9), u32(8), u64(2), text("x"), text("y")],
    ...[text("b"), u32(9), u32(9), u64(1), u32(4), u64(2), u32(1), u32(2)],
  ];
  const tensor = [text("t"), u32(2), u64(4), u64(8), u32(0), u64(0)];
  return Buffer.concat([...head, ...pairs, ...tensor, Buffer.alloc(160)]);
}

function mustFit(verdict: HeaderVerdict, bytes: Uint8Array): void {
  if (verdict.kind === "ok") mustHold(verdict.headerBytes <= bytes.length, "a header lies in its file");
  if (verdict.kind === "more") mustHold(verdict.needBytes > bytes.length, "more is more than there is");
  if (verdict.kind === "bad") mustHold(verdict.problem.length < 1000, "a problem is one line");
}

/** With the bytes for the whole file, then for the beginning of a longer one. */
function runHeader(read: (bytes: Uint8Array, size: number) => HeaderVerdict, name: string): Target["run"] {
  return (bytes) => {
    const whole = read(bytes, bytes.length);
    mustHold(whole.kind !== "more" || bytes.length < 24, "a file that is all there needs no more");
    if (whole.kind !== "more") mustFit(whole, bytes);
    mustFit(read(bytes, 2 ** 40), bytes);
    for (const isPinned of [true, false])
      sniffWeights(bytes, name, { size: bytes.length, allowPickle: false, isPinned });
  };
}

const SOURCES = [
  "hf://org/repo@main/a/b.safetensors",
  "hf://org/repo@refs%2Fpr%2F1/a b.sft",
  "r2://bucket/loras/a.sft",
  "s3://bucket/k%20ey",
  "civitai://123?type=Model&format=SafeTensor",
  "https://h.example/a.sft?token=x#y",
  "https://huggingface.co/org/repo/resolve/main/a.sft",
  "file:///models/a.sft",
] as const;

export const WEIGHTS_TARGETS: readonly Target[] = [
  {
    name: "safetensors",
    seeds: () => [
      safetensors({ a: { dtype: "F16", shape: [2, 2], data_offsets: [0, 8] }, __metadata__: { x: "y" } }, 8),
      safetensors(
        { a: { dtype: "F4", shape: [2], data_offsets: [0, 1] }, b: { dtype: "U8", shape: [], data_offsets: [1, 2] } },
        2,
      ),
    ],
    words: ["dtype", "shape", "data_offsets", "__metadata__", "F32", "BF16", "[0,8]", "{"],
    codes: [],
    run: runHeader(readSafetensorsHeader, "a.safetensors"),
  },
  {
    name: "gguf",
    seeds: () => [gguf()],
    words: ["GGUF", "general.alignment"],
    codes: [],
    run: runHeader(readGgufHeader, "a.gguf"),
  },
  {
    name: "source",
    seeds: () => texts(...SOURCES),
    words: [
      "hf://",
      "s3://",
      "civitai://",
      "https://",
      "file:///",
      "@",
      "/resolve/",
      "?fileId=1",
      "..",
      "%2F",
      "%2e%2e",
      "//",
    ],
    codes: ["SOURCE_INVALID"],
    run: (bytes) => {
      const written = textOf(bytes);
      sourceProblem(written);
      const source = parseSource(written);
      mustHold(isDeepStrictEqual(parseSource(formatSource(source)), source), "what is written is read again");
      mustHold(!/[\u0000-\u001f\u007f]/.test(printSource(source)), "what is printed has no control characters");
    },
  },
  {
    name: "tree-path",
    seeds: () => texts("loras/a.safetensors", "a/b/c.d", "größe.sft", "x/{path}/y"),
    words: ["/", "..", ".", "\\", "con", "NUL.txt", ".modelferry", "e\u0301", "İ"],
    codes: ["PATH_UNSAFE"],
    run: (bytes) => {
      const path = parseTreePath(textOf(bytes));
      mustHold(joinUnder("/models", path) === `/models/${path}`, "it lies where it says");
      mustHold(collisionKey(collisionKey(path) as never) === collisionKey(path), "its key is its own key");
      mustHold(
        !/[?#\s]/.test(expandTemplate("https://h/{path}", { name: "a", path, sha256: null }) ?? ""),
        "it fits into an address",
      );
    },
  },
];
