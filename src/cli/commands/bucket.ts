/** `models bucket`: what is in a bucket, and what becomes of it. */
import { shortSha256 } from "../../base/artifact.ts";
import { formatBytes } from "../../base/bytes.ts";
import { didYouMean } from "../../base/did-you-mean.ts";
import { ModelsError } from "../../base/errors.ts";
import type { BucketListing } from "../../operations/bucket-contents.ts";
import type { BucketReport, ObjectFinding } from "../../operations/bucket-diff.ts";
import type { RemovalReport } from "../../operations/bucket-remove.ts";
import type { BucketLayout } from "../../operations/destination.ts";
import type { Paper } from "../../report/notices.ts";
import { formatTable } from "../../report/table.ts";
import { countOf, printable } from "../../report/text.ts";
import { type Call, type CommandSpec, printJson, printLines } from "../command.ts";
import { EXIT_DONE, EXIT_FINDINGS, type ExitCode } from "../exit-codes.ts";
import { type Models, withModels } from "../open-models.ts";
import { SELECT_OPTIONS } from "../options.ts";
import { readingLine } from "../reading.ts";
import { writtenSelection } from "../selection.ts";

const VERBS = ["ls", "diff", "verify", "rm"] as const;
type Verb = (typeof VERBS)[number];

export const bucketCommand: CommandSpec = {
  arguments: [
    { syntax: "<verb>", says: "ls, diff, verify or rm", completes: VERBS },
    { syntax: "[what...]", says: "r2://bucket/prefix, then models (diff, verify) or keys (rm)", completes: "model" },
  ],
  options: [
    ...SELECT_OPTIONS,
    { flags: "--layout <layout>", says: "how keys are made: tree (as is) or sha256", completes: ["tree", "sha256"] },
    { flags: "--deep", says: "verify: read every byte, through memory" },
    { flags: "--unfinished", says: "rm: uploads that were begun and never finished, too" },
    { flags: "--yes", says: "rm: really remove" },
  ],
  examples: [
    { line: "models bucket ls r2://comfyui-models", says: "what is there, and which model each object is" },
    {
      line: "models bucket diff r2://comfyui-models --kit flux",
      says: "what of a kit is missing or other than the catalogue says",
    },
    { line: "models bucket verify r2://comfyui-models", says: "prove all of it without downloading it" },
    {
      line: "models bucket rm r2://comfyui-models loras/old.safetensors --yes",
      says: "an object with its piece table",
    },
  ],
  exits: [EXIT_FINDINGS],
  notes: [
    "Without a bucket, the one that models.config.yaml names as a mirror.",
    "verify believes the ETag that publish noted beside each object when every part of it was proven; --deep believes nothing.",
  ],
  run: (call) => withModels(call, async (models) => await run(models, call)),
};

async function run(models: Models, call: Call): Promise<ExitCode> {
  const [word, ...words] = call.args;
  const verb = asVerb(word);
  const layout = call.flags.layout as BucketLayout | undefined;
  const { to, what } = verb === "rm" ? removalOf(words, call.flags.unfinished === true) : placeAndRest(words);
  const request = { to, layout, signal: call.signal };
  if (verb === "ls") return show(call, await models.listBucket(request), listingLines);
  if (verb === "rm") {
    const { yes: isSure = false, unfinished: isUnfinished = false } = call.flags;
    return show(call, await models.removeFromBucket({ ...request, what, isSure, isUnfinished }), removalLines);
  }
  const selection = { ...(await writtenSelection(call)), models: what };
  if (verb === "diff") return showReport(call, await models.diffBucket({ ...selection, ...request }));
  const reading = readingLine(call);
  const options = { isDeep: call.flags.deep === true, onProgress: reading.show };
  const report = await models.verifyBucket({ ...selection, ...request, ...options }).finally(reading.close);
  return showReport(call, report);
}

function asVerb(word: string | undefined): Verb {
  const verb = VERBS.find((one) => one === word);
  if (verb !== undefined) return verb;
  throw new ModelsError("USAGE", `Cannot read "models bucket ${word ?? ""}": expected ${VERBS.join(", ")}`, {
    fix: didYouMean(word ?? "", VERBS) ?? "models bucket ls r2://bucket/prefix",
  });
}

interface PlaceAndRest {
  readonly to: string | undefined;
  readonly what: readonly string[];
}

/** The first word that is an address is the bucket. */
function placeAndRest(words: readonly string[]): PlaceAndRest {
  const to = words.find((word) => /^(?:r2|s3):\/\//i.test(word));
  return { to, what: words.filter((word) => word !== to) };
}

/** An address alone is that of the object to remove. */
function removalOf(words: readonly string[], isUnfinished: boolean): PlaceAndRest {
  const { to, what } = placeAndRest(words);
  if (what.length > 0 || isUnfinished) return { to, what };
  const bucket = /^(?:r2|s3):\/\/[^/]+(?=\/.)/i.exec(to ?? "")?.[0];
  if (to !== undefined && bucket !== undefined) return { to: bucket, what: [to] };
  throw new ModelsError("USAGE", "Cannot remove: no object is named", {
    fix: "models bucket rm r2://bucket/key --yes, or models bucket rm r2://bucket --unfinished --yes",
  });
}

function show<T>(call: Call, report: T, lines: (report: T, paper: Paper) => readonly string[]): ExitCode {
  if (call.flags.json === true) printJson(call, report);
  else printLines(call, lines(report, call.out));
  return EXIT_DONE;
}

function showReport(call: Call, report: BucketReport): ExitCode {
  show(call, report, findingLines);
  return report.ok ? EXIT_DONE : EXIT_FINDINGS;
}

function listingLines(
  { objects, size, bucket, unfinished }: BucketListing,
  { style, width }: Paper,
): readonly string[] {
  // Tables are told by what they belong to.
  const shown = objects.filter(({ key }) => !objects.some((other) => other.hasPieces && key === `${other.key}.pieces`));
  const table = formatTable(
    [
      { title: "object", minWidth: 12 },
      { title: "size", align: "right" },
      { title: "model", minWidth: 8 },
      { title: "" },
    ],
    shown.map(({ key, size: bytes, model, hasPieces }) => [
      printable(key),
      formatBytes(bytes),
      printable(model ?? ""),
      hasPieces ? "pieces" : "",
    ]),
    { width, title: style.dim },
  );
  const open = unfinished ?? [];
  return [
    ...table,
    `${style.bold(`${countOf(shown.length, "object")}, ${formatBytes(size)}`)} in ${printable(bucket)}`,
    ...open.map(({ key }) => `${style.warn(style.signs.warning)} an upload of ${printable(key)} was never finished`),
  ];
}

const WORDS: Readonly<Record<ObjectFinding["status"], string>> = {
  same: "same",
  proven: "proven",
  unproven: "unproven",
  missing: "missing",
  "wrong-size": "wrong size",
  "wrong-content": "other content",
  stray: "not in the catalogue",
};

function findingLines({ objects, bucket, ok }: BucketReport, { style, width }: Paper): readonly string[] {
  const isFine = (status: ObjectFinding["status"]): boolean => status === "same" || status === "proven";
  const table = formatTable(
    [
      { title: "object", minWidth: 12 },
      { title: "size", align: "right" },
      { title: "status" },
      { title: "sha256" },
      { title: "fix" },
    ],
    objects.map(({ key, size, status, sha256, fix }) => [
      printable(key),
      size === null ? "" : formatBytes(size),
      WORDS[status],
      sha256 === null ? "" : shortSha256(sha256),
      printable(fix ?? ""),
    ]),
    {
      width,
      title: style.dim,
      paint: (text, row, column) => {
        const status = objects[row]?.status;
        if (column !== 2 || status === undefined || status === "stray") return text;
        return isFine(status) ? style.good(text) : style.bad(text);
      },
    },
  );
  const fine = objects.filter(({ status }) => isFine(status)).length;
  const sign = ok ? style.good(style.signs.done) : style.bad(style.signs.failed);
  return [
    ...table,
    `${sign} ${style.bold(`${fine} of ${countOf(objects.length, "object")} as they ought to be`)} in ${printable(bucket)}`,
  ];
}

function removalLines({ removed, abandoned, bucket }: RemovalReport): readonly string[] {
  return [
    ...removed.map((key) => `removed   ${printable(key)}`),
    ...abandoned.map((key) => `abandoned ${printable(key)}`),
    `${countOf(removed.length, "object")} removed from ${printable(bucket)}`,
  ];
}
