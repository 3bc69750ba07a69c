/** Events to feed to reducers and renderers: a believable run, and arbitrary ones. */
import fc from "fast-check";
import type { Sha256 } from "../../src/base/artifact.ts";
import type { Event, EventBody, Summary } from "../../src/base/events.ts";
import { advance, noProgress, type Progress } from "../../src/report/progress.ts";

const SHA256 = "a".repeat(64) as Sha256;

/** `bodies` one second apart, beginning at `start`. */
export function at(start: number, bodies: readonly EventBody[], stepMs = 1000): readonly Event[] {
  return bodies.map((body, index) => ({ ...body, time: start + index * stepMs }));
}

export function folded(events: readonly Event[]): Progress {
  return events.reduce(advance, noProgress);
}

export const plan: Extract<EventBody, { kind: "plan" }> = {
  kind: "plan",
  root: "/comfyui/models",
  lines: [
    line("schnell", "diffusion_models/schnell.safetensors", 24e9, "fetch", 24e9, [
      "hf://black-forest-labs/FLUX.1-schnell@741f7c3ce8b383c54771c7003378a50191e9efe9/schnell.safetensors",
      "r2://weights/schnell.safetensors",
    ]),
    line("t5xxl", "text_encoders/t5xxl.safetensors", 10e9, "resume", 6e9, ["r2://weights/t5xxl.safetensors"]),
    line("clip", "text_encoders/clip.safetensors", 246e6, "reuse", 0, ["/cache/blobs/aa"]),
    line("ae", "vae/ae.safetensors", 335e6, "present", 0, []),
  ],
  fetchBytes: 30e9,
  reuseBytes: 246e6,
  freeBytes: 812e9,
};

function line(
  model: string,
  path: string,
  size: number,
  action: "fetch" | "resume" | "reuse" | "present",
  fetchBytes: number,
  from: readonly string[],
): (typeof plan)["lines"][number] {
  return { model, path, size, action, fetchBytes, from };
}

export const started: EventBody = {
  kind: "file-started",
  model: "schnell",
  path: "diffusion_models/schnell.safetensors",
  size: 24e9,
  resumedBytes: 0,
};

export function moved(doneBytes: number, bytesPerSecond: number): EventBody {
  return {
    kind: "progress",
    files: [{ model: "schnell", doneBytes, size: 24e9, bytesPerSecond, mirrors: ["huggingface.co", "r2"] }],
    bytesPerSecond,
  };
}

export const finished: EventBody = {
  kind: "file-finished",
  model: "schnell",
  path: "diffusion_models/schnell.safetensors",
  size: 24e9,
  sha256: SHA256,
  how: "fetched",
  mirrors: [
    { label: "r2", bytes: 9e9, bytesPerSecond: 1e8, errors: 0 },
    { label: "huggingface.co", bytes: 15e9, bytesPerSecond: 2e8, errors: 1 },
  ],
};

export const summary: Summary = {
  kind: "summary",
  ok: true,
  models: 4,
  fetchedBytes: 30e9,
  wastedBytes: 12e6,
  reusedBytes: 246e6,
  elapsedMs: 100_000,
  mirrors: [
    { label: "r2", bytes: 10e9, bytesPerSecond: 1e8, errors: 0 },
    {
      label: "huggingface.co",
      bytes: 20e9,
      bytesPerSecond: 2e8,
      errors: 2,
      lastError: { code: "MIRROR_STALLED", message: "it sent nothing for 4.1 s" },
    },
  ],
};

/** Figures as an engine with a bug would send them, too. */
const figure = fc.oneof(
  fc.nat(),
  fc.maxSafeNat(),
  fc.double(),
  fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -1, 0, 24e9),
);
const text = fc.oneof(
  fc.string(),
  fc.string({ unit: "binary" }),
  fc.constantFrom("a\nb", "\u001b[2J", "模型", "🦊", ""),
);
const name = fc.oneof(fc.constantFrom("a", "b", "flux1-schnell", "__proto__", "模型-二"), text);
const code = fc.constantFrom("MIRROR_FAILED" as const, "DIGEST_MISMATCH" as const, "SOURCE_NOT_FOUND" as const);
const share = fc.record(
  {
    label: text,
    bytes: figure,
    bytesPerSecond: figure,
    errors: fc.nat(),
    lastError: fc.record({ code, message: text }),
  },
  { requiredKeys: ["label", "bytes", "bytesPerSecond", "errors"] },
);

const planBody = fc.record({
  kind: fc.constant("plan" as const),
  root: text,
  lines: fc.array(
    fc.record({
      model: name,
      path: text,
      size: fc.option(figure),
      action: fc.constantFrom(
        "present" as const,
        "reuse" as const,
        "resume" as const,
        "fetch" as const,
        "link" as const,
      ),
      fetchBytes: fc.option(figure),
      from: fc.array(text, { maxLength: 3 }),
    }),
    { maxLength: 12 },
  ),
  fetchBytes: figure,
  reuseBytes: figure,
  freeBytes: figure,
});

export const anySummary: fc.Arbitrary<Summary> = fc.record({
  kind: fc.constant("summary" as const),
  ok: fc.boolean(),
  models: fc.nat(),
  fetchedBytes: figure,
  wastedBytes: figure,
  reusedBytes: figure,
  elapsedMs: figure,
  mirrors: fc.array(share, { maxLength: 4 }),
});

const fileProgress = fc.record({
  model: name,
  doneBytes: figure,
  size: figure,
  bytesPerSecond: figure,
  mirrors: fc.array(text, { maxLength: 3 }),
});

export const anyBody: fc.Arbitrary<EventBody> = fc.oneof(
  planBody,
  fc.record({ kind: fc.constant("mirror-found" as const), model: name, mirror: text, source: text }),
  fc.record({ kind: fc.constant("mirror-dropped" as const), model: name, mirror: text, code, message: text }),
  fc.record({
    kind: fc.constant("file-started" as const),
    model: name,
    path: text,
    size: figure,
    resumedBytes: figure,
  }),
  fc.record({
    kind: fc.constant("progress" as const),
    files: fc.array(fileProgress, { maxLength: 6 }),
    bytesPerSecond: figure,
  }),
  fc.record({ kind: fc.constant("file-verifying" as const), model: name, doneBytes: figure, size: figure }),
  fc.record({
    kind: fc.constant("file-finished" as const),
    model: name,
    path: text,
    size: figure,
    sha256: fc.constant(SHA256),
    how: fc.constantFrom("fetched" as const, "reused" as const, "linked" as const, "present" as const),
    mirrors: fc.array(share, { maxLength: 3 }),
  }),
  fc.record({ kind: fc.constant("file-failed" as const), model: name, path: text, code, message: text, fix: text }),
  fc.record({
    kind: fc.constant("waiting" as const),
    model: fc.option(name),
    on: fc.constantFrom("lock" as const, "rate-limit" as const),
    message: text,
    untilMs: fc.option(figure),
  }),
  fc.record({ kind: fc.constant("warning" as const), code, message: text, fix: text }),
);

export const anyEvents: fc.Arbitrary<readonly Event[]> = fc.array(
  fc.tuple(anyBody, figure).map(([body, time]): Event => ({ ...body, time })),
  { maxLength: 30 },
);
