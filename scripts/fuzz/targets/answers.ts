/** What servers answer: heads of answers, waits that they ask for, redirects, and the JSON of the Hub, Civitai and ComfyUI. */

import { judgeRangeAnswer } from "../../../src/net/range-answer.ts";
import { nextHop } from "../../../src/net/redirects.ts";
import { headEnd, parseResponseHead } from "../../../src/net/response-head.ts";
import { retryAfterMs } from "../../../src/net/retry-after.ts";
import { choiceIn, digestIn } from "../../../src/sources/civitai.ts";
import { readProbe } from "../../../src/sources/probe.ts";
import type { Fields } from "../../../src/tree/sealed.ts";
import { readServer } from "../../../src/workflow/server.ts";
import { mustHold, type Target, textOf, texts } from "../terms.ts";

const ASKED = { start: 100, end: 200, size: 1000, validator: '"v"', hasRanges: true };
const RANGE =
  'HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 100-199/1000\r\nContent-Length: 100\r\nETag: "v"\r\n\r\n';
const BUSY =
  'HTTP/1.1 429 Slow\r\nRateLimit: "resolvers";r=0;t=87\r\nRetry-After: 5\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\n\r\n';

function runHead(bytes: Uint8Array): void {
  const all = Buffer.from(bytes);
  const end = headEnd(all);
  if (end < 0) return;
  const head = parseResponseHead(all.subarray(0, end));
  if (typeof head === "string") return;
  const field = (name: string): string | undefined => head.fields.get(name);
  const verdict = judgeRangeAnswer(head.status, field, ASKED);
  if (verdict.kind === "body") {
    mustHold(
      /^bytes 0*100-0*199\/(0*1000|\*)$/i.test(field("content-range") ?? ""),
      "bytes are taken of the right range alone",
    );
    mustHold(!verdict.isFramed || field("content-length") === "100", "a framed body has the right length");
  }
  if (verdict.kind === "busy" && verdict.waitMs !== null) mustHold(isWait(verdict.waitMs), "a wait is a time");
}

const isWait = (ms: number): boolean => Number.isSafeInteger(ms) && ms >= 0;

function runWaits(bytes: Uint8Array): void {
  const [ratelimit, after, date] = textOf(bytes).split("\n");
  const fields = new Map([
    ["ratelimit", ratelimit],
    ["retry-after", after],
    ["date", date],
  ]);
  const ms = retryAfterMs((name) => fields.get(name));
  mustHold(ms === null || isWait(ms), `a wait of ${ms} ms is a time`);
}

function runProbe(bytes: Uint8Array): void {
  const [status, ...lines] = textOf(bytes).split("\n");
  const headers = Object.fromEntries(lines.map((line) => line.split(": ", 2)).filter(({ length }) => length === 2));
  const body = Buffer.alloc(65_536);
  const answer = { status: Number(status), headers, body, url: "https://h/x", hops: [], mayBePrivate: false };
  const { size } = readProbe(answer as never, {
    name: "https://h/x",
    credential: null,
    headBytes: 65_536,
    size: 80_000,
  });
  mustHold(Number.isSafeInteger(size) && size >= 0, "a size is a whole number");
}

function parsed(bytes: Uint8Array): Fields | null {
  try {
    return JSON.parse(textOf(bytes)) as Fields;
  } catch {
    return null;
  }
}

const CHOICE = { kind: "civitai", version: "1", choice: { type: "Model", fp: "fp16" } } as const;
const FILE = {
  id: 1,
  type: "Model",
  primary: true,
  name: "a.sft",
  metadata: { fp: "fp16" },
  hashes: { SHA256: "AB".repeat(32) },
};

export const ANSWER_TARGETS: readonly Target[] = [
  {
    name: "response-head",
    seeds: () =>
      texts(RANGE, BUSY, "HTTP/1.1 416 No\r\nContent-Range: bytes */1000\r\n\r\n", RANGE.replace("206", "200")),
    words: [
      "Content-Range: ",
      "bytes 100-199/1000",
      "bytes */*",
      "Content-Length: ",
      "Transfer-Encoding: chunked",
      "\r\n",
      "Content-Encoding: gzip",
      "HTTP/1.1 ",
      "multipart/byteranges",
      "ETag: ",
    ],
    codes: [],
    run: runHead,
  },
  {
    name: "waits",
    seeds: () =>
      texts('"resolvers";r=0;t=87\n', "\n5\n", "\nMon, 01 Jan 2024 00:01:00 GMT\nMon, 01 Jan 2024 00:00:00 GMT"),
    words: [";r=0", ";t=5", ",", "Mon, 01 Jan 2024 00:00:00 GMT", "+275760", "999999999999999"],
    codes: [],
    run: runWaits,
  },
  {
    name: "redirect",
    seeds: () => texts("/other", "//evil/x", "https://cdn.example/x?Signature=1", "https://a@evil/", "http://h/x"),
    words: ["https://", "http://", "//", "@", "data:", "file:", "javascript:", "[::1]", "2130706433", ":65536"],
    codes: ["MIRROR_LIED"],
    run: (bytes) => {
      const to = nextHop([new URL("https://hub.example/a/b")], textOf(bytes));
      mustHold(to.protocol === "https:" && to.username === "" && to.password === "", "https never leads to http");
    },
  },
  {
    name: "probe",
    seeds: () =>
      texts(
        '206\ncontent-range: bytes 0-65535/70000\netag: "a"',
        "200\ncontent-length: 5",
        "416\ncontent-range: bytes */0",
      ),
    words: ["content-range: ", "content-length: ", "bytes 0-65535/", "multipart/x", "content-type: "],
    codes: ["MIRROR_LIED", "NOT_WEIGHTS"],
    run: runProbe,
  },
  {
    name: "civitai-answer",
    seeds: () =>
      texts(JSON.stringify({ files: [FILE, { ...FILE, primary: false, id: 2 }] }), JSON.stringify({ files: [] })),
    words: ["files", "type", "primary", "metadata", "fp", "hashes", "SHA256"],
    codes: [],
    run: (bytes) => {
      const answer = parsed(bytes);
      choiceIn(answer, CHOICE);
      const sha256 = digestIn(answer, CHOICE);
      mustHold(sha256 === null || /^[0-9a-f]{64}$/.test(sha256), "a digest has 64 lower-case hex digits");
    },
  },
  {
    name: "comfyui-answer",
    seeds: () =>
      texts(
        JSON.stringify({
          info: {
            LoraLoader: {
              input: { required: { lora_name: [["a.safetensors", "b.pt"], {}], s: ["INT", {}] } },
              input_order: { required: ["s", "lora_name"] },
            },
            New: {
              input: {
                optional: {
                  m: ["COMBO", { options: [{ inputs: { required: { x: ["COMBO", { options: ["a.pt"] }] } } }] }],
                },
              },
            },
          },
          names: { loras: ["a.safetensors", "b.pt"], vae: [] },
          folders: [{ name: "loras", folders: ["/m/loras", "C:\\m\\loras"] }],
        }),
      ),
    words: ["input", "required", "optional", "COMBO", "options", "inputs", "folders", "names", "info", "input_order"],
    codes: [],
    run: (bytes) => {
      const { info, names, folders } = parsed(bytes) ?? {};
      const lists = typeof names === "object" && names !== null ? Object.entries(names) : [];
      const server = readServer({ objectInfo: info, names: new Map(lists), folders });
      for (const name of ["LoraLoader", "New", "__proto__", "constructor"]) server.inputsOf(name);
    },
  },
];
