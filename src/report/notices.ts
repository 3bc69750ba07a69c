/** The lines that stay: what was planned, what finished, failed, was dropped or warned about. Pure. */
import type { Event, EventBody, MirrorShare, PlanLine, Replaced, SignerEntry } from "../base/events.ts";
import type { FileState, MirrorDropped, Progress } from "./progress.ts";
import type { Style } from "./style.ts";
import { countOf, cutText, fitText, padText, printable, textWidth, wrapText } from "./text.ts";
import { bytesText, durationText, formatNames, formatShares, rateOver, rateText, sharesByBytes } from "./words.ts";

type Plan = Extract<EventBody, { kind: "plan" }>;

/** Where lines go: columns of the terminal (null for a pipe, where nothing is cut or wrapped), and how to paint. */
export interface Paper {
  readonly width: number | null;
  readonly style: Style;
}

/** `6 of 9 models to bring into /comfyui/models: 33.0 GB to fetch, 812 GB free`; nothing when all are there. */
export function planHeadline(plan: Plan): readonly string[] {
  const pending = plan.lines.filter(({ action }) => action !== "present").length;
  if (pending === 0) return [];
  const all = countOf(plan.lines.length, "model");
  if (plan.sendBytes !== undefined) {
    return [`${pending} of ${all} to bring into ${printable(plan.root)}: ${bytesText(plan.sendBytes)} to send`];
  }
  const moved = [
    ...(plan.fetchBytes > 0 || hasUnknownSize(plan.lines) ? [`${bytesText(plan.fetchBytes)} to fetch`] : []),
    ...(plan.reuseBytes > 0 ? [`${bytesText(plan.reuseBytes)} to reuse`] : []),
    ...replacing(plan.lines),
  ];
  const amounts = moved.length === 0 ? "" : `: ${moved.join(", ")}`;
  return [`${pending} of ${all} to bring into ${printable(plan.root)}${amounts}, ${bytesText(plan.freeBytes)} free`];
}

/** `2 other files to replace`. */
function replacing(lines: readonly PlanLine[]): readonly string[] {
  const count = lines.filter(({ replaces }) => replaces !== undefined && replaces.status !== "unverified").length;
  return count > 0 ? [`${countOf(count, "other file")} to replace`] : [];
}

function hasUnknownSize(lines: readonly PlanLine[]): boolean {
  return lines.some(({ fetchBytes }) => fetchBytes === null);
}

/**
 * What to say once and for all about `event`; nothing for most.
 * Mirrors that were left out are told when their file begins without them, or fails for another reason.
 * @param before what was known when it came
 */
export function noticeOf(event: Event, before: Progress, paper: Paper): readonly string[] {
  const held = "model" in event && event.model !== null ? (before.files.get(event.model)?.dropped ?? []) : [];
  switch (event.kind) {
    case "trusted":
      return trustedLines(event, paper);
    case "warning":
      return warningLines(event.message, event.fix, paper);
    case "replaced":
      return warningLines(`${event.path} took the place of ${replacedText(event)}`, undefined, paper);
    case "mirror-dropped":
      return isHeld(event, before) ? [] : droppedLines([event], paper);
    case "file-started":
      return droppedLines(held, paper);
    case "file-failed":
      return droppedLines(
        held.filter(({ message }) => !event.message.includes(message)),
        paper,
      );
    default:
      return [];
  }
}

/** `a file of 12 MB with other bytes`. */
export function replacedText({ size, status }: Replaced): string {
  const known: Readonly<Record<Replaced["status"], string>> = {
    "wrong-size": "another size",
    corrupt: "other bytes",
    unverified: "unknown bytes",
  };
  return `a file of ${bytesText(size)} with ${known[status]}`;
}

/** `✓ 2 manifests and 1 kit signed by studio-2026 (key 8B07EC493A8798BE)`. */
export function trustedLines({ signer, key, files }: SignerEntry, paper: Paper): readonly string[] {
  const counts = new Map<string, number>();
  for (const { kind } of files) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  const all = [...counts].map(([kind, count]) => countOf(count, kind === "pieces" ? "piece table" : kind));
  const { good, signs } = paper.style;
  const text = `${all.join(", ").replace(/, ([^,]*)$/, " and $1")} signed by ${signer} (key ${key})`;
  return hanging(`${good(signs.done)} `, text, undefined, paper);
}

function isHeld({ model }: MirrorDropped, before: Progress): boolean {
  return (before.files.get(model)?.phase ?? "waiting") === "waiting";
}

/** That one of several places lacks a file is how mirrors are; everything else someone should know. */
function droppedLines(dropped: readonly MirrorDropped[], paper: Paper): readonly string[] {
  return dropped
    .filter(({ code }) => code !== "SOURCE_NOT_FOUND")
    .flatMap(({ mirror, model, message }) =>
      warningLines(`${mirror} is left out for ${model}: ${message}`, undefined, paper),
    );
}

function warningLines(message: string, fix: string | undefined, paper: Paper): readonly string[] {
  const { style } = paper;
  return hanging(`${style.warn(style.signs.warning)} `, message, fix, paper);
}

/** What is left behind when `file` has finished or failed. `nameWidth` aligns it with its neighbours. */
export function settledLines(file: FileState, nameWidth: number, paper: Paper): readonly string[] {
  const { style, width } = paper;
  if (file.problem !== null) {
    const { message, fix } = file.problem;
    const told = message.includes(file.model) ? message : `${file.model}: ${message}`;
    return hanging(`${style.bad(style.signs.failed)} `, told, fix ?? undefined, paper);
  }
  const start = `${style.good(style.signs.done)} ${padText(fitText(printable(file.model), nameWidth), nameWidth)}`;
  const room = width === null ? Number.MAX_SAFE_INTEGER : width - 1 - 2 - nameWidth - 2;
  return [room < 7 ? start.trimEnd() : `${start}  ${cutText(settledFacts(file, room), room)}`];
}

/** `23.8 GB in 1 m 17 s at 309 MB/s from huggingface.co 60%, r2 40%`; shares give way to names where room is short. */
export function settledFacts(file: FileState, room: number = Number.MAX_SAFE_INTEGER): string {
  const size = bytesText(file.size ?? 0);
  if (file.how !== "fetched" && file.how !== "sent")
    return `${size} ${file.how === "reused" ? "reused from this disk" : file.how}`;
  const ms = file.startedAt === null ? 0 : (file.endedAt ?? 0) - file.startedAt;
  const rate = rateOver((file.size ?? 0) - file.resumedBytes, ms);
  const facts = [
    size,
    ...(ms > 0 ? [`in ${durationText(ms)}`] : []),
    ...(rate === null ? [] : [`at ${rateText(rate)}`]),
  ].join(" ");
  const from = fromText(file.shares, room - facts.length);
  return facts + from;
}

function fromText(shares: readonly MirrorShare[], room: number): string {
  const whole = formatShares(shares);
  if (whole === "") return "";
  if (textWidth(whole) + " from ".length <= room) return ` from ${whole}`;
  const labels = sharesByBytes(shares).map(({ label }) => label);
  return room < 20 ? "" : ` from ${formatNames(labels, room - " from ".length)}`;
}

/** `sign message` and below it `fix: …`, both wrapped under their own beginning. */
function hanging(sign: string, message: string, fix: string | undefined, { width, style }: Paper): readonly string[] {
  const room = width === null ? Number.MAX_SAFE_INTEGER : Math.max(1, width - 3);
  const [first = "", ...rest] = wrapText(printable(message), room);
  const fixes = fix === undefined ? [] : wrapText(`fix: ${printable(fix)}`, room);
  return [`${sign}${first}`, ...rest.map((line) => `  ${line}`), ...fixes.map((line) => `  ${style.dim(line)}`)];
}
