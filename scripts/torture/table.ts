/** The table at the end: what was survived, what it cost, and what was wrong. Pure. */
import { formatBytes } from "../../src/base/bytes.ts";
import { FAULTS } from "./faults.ts";
import type { Complaint } from "./judge.ts";
import type { WorldRecord } from "./run-world.ts";
import { LARGE_STOCK, type Moment } from "./world.ts";

const MOMENTS: readonly Moment[] = ["start", "moving", "proving", "placing"];
const KINDS: readonly Complaint["kind"][] = ["wrong", "lost", "hung", "leaked"];

/** What became of one world; a failed one tells how it is run again alone. */
export function linesOf(
  { plan, complaints, kills, isHealed, elapsedMs }: WorldRecord,
  folder: string,
): readonly string[] {
  const faults = plan.mirrors.map(({ kind, faults: own }) => [kind, ...own].join(" + ")).join(" | ");
  const mark = complaints.length > 0 ? "✗" : isHealed ? "◦" : "✓";
  const head = `${mark} ${String(plan.number).padStart(4)}  ${plan.clients.length}× ${faults}`;
  const again = [`kept: ${folder}`, `again: npm run torture -- --seed ${plan.seed} --only ${plan.number}`];
  return [
    `${head}: ${kills.length} kills, ${seconds(elapsedMs)}`,
    ...complaints.map(({ kind, message }) => `       ${kind}: ${message}`),
    ...(complaints.length === 0 ? [] : again.map((line) => `       ${line}`)),
  ];
}

/** Lines for `records`. */
export function tableOf(records: readonly WorldRecord[], elapsedMs: number): readonly string[] {
  const kills = records.flatMap((record) => record.kills);
  const perMoment = MOMENTS.map((moment) => `${countOf(kills, moment)} ${moment}`).join(", ");
  const refused = records.filter(({ isHealed }) => isHealed).length;
  const failed = records.filter(({ complaints }) => complaints.length > 0).length;
  return [
    ...faultLines(records),
    "",
    row(
      "worlds",
      `${records.length} in ${seconds(elapsedMs)}: ${records.length - refused - failed} survived, ${refused} refused and recovered once their mirrors were well`,
    ),
    row("kills", `${kills.length}: ${perMoment}`),
    row(
      "processes at a time",
      [1, 2, 3, 4]
        .map((n) => `${records.filter(({ plan }) => plan.clients.length === n).length} worlds with ${n}`)
        .join(", "),
    ),
    ...costLines(records),
    row("verdict", KINDS.map((kind) => `${worldsWith(records, kind)} ${kind}`).join(", ")),
  ];
}

function faultLines(records: readonly WorldRecord[]): readonly string[] {
  const head = `${"fault".padEnd(26)}${"worlds".padStart(8)}${"survived".padStart(10)}${"refused".padStart(9)}${"failed".padStart(8)}`;
  const line = (id: string, own: readonly WorldRecord[]): string => {
    const failed = own.filter(({ complaints }) => complaints.length > 0).length;
    const refused = own.filter(({ isHealed, complaints }) => isHealed && complaints.length === 0).length;
    return `${id.padEnd(26)}${String(own.length).padStart(8)}${String(own.length - refused - failed).padStart(10)}${String(refused).padStart(9)}${String(failed).padStart(8)}`;
  };
  const calm = records.filter(({ plan }) => plan.mirrors.every(({ faults }) => faults.length === 0));
  return [
    head,
    line("none", calm),
    ...FAULTS.map(({ id }) =>
      line(
        id,
        records.filter(({ plan }) => plan.mirrors.some(({ faults }) => faults.includes(id))),
      ),
    ),
  ];
}

function costLines(records: readonly WorldRecord[]): readonly string[] {
  const sent = sum(records.map(({ sentBytes }) => sentBytes));
  const whole = sum(records.map(({ wholeBytes }) => wholeBytes));
  const recoveries = records.map(({ recoveryMs }) => recoveryMs);
  const small = records.flatMap(({ plan, twice }) => (plan.files[0]?.stock === LARGE_STOCK ? [] : twice));
  const large = records.flatMap(({ plan, twice }) => (plan.files[0]?.stock === LARGE_STOCK ? twice : []));
  return [
    row(
      "bytes",
      `${formatBytes(sent)} sent for ${formatBytes(whole)}: ${formatBytes(Math.max(0, sent - whole))} wasted, faults included`,
    ),
    row("fetched twice a kill", `of files that take 8 s: ${shares(large)}`),
    row("", `of files that take 1 to 2 s: ${shares(small)}`),
    row("recovery", `median ${seconds(median(recoveries))}, worst ${seconds(most(recoveries))}`),
    row("dead holder, this box", spread(records.flatMap(({ takeoverMs }) => takeoverMs))),
    row("dead holder, another box", spread(records.flatMap(({ deadHolderMs }) => deadHolderMs))),
    row("silence found", spread(records.flatMap(({ silenceMs }) => silenceMs))),
  ];
}

const row = (name: string, text: string): string => `${name.padEnd(26)}${text}`;
const countOf = <T>(list: readonly T[], wanted: T): number => list.filter((one) => one === wanted).length;
const sum = (list: readonly number[]): number => list.reduce((total, one) => total + one, 0);
const most = (list: readonly number[]): number => list.reduce((high, one) => Math.max(high, one), 0);
const median = (list: readonly number[]): number => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)] ?? 0;
const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;
const shares = (list: readonly number[]): string =>
  list.length === 0
    ? "never measured"
    : `median ${percent(median(list))}, most ${percent(most(list))} (${list.length} kills)`;
const spread = (list: readonly number[]): string =>
  list.length === 0
    ? "never came up"
    : `median ${seconds(median(list))}, worst ${seconds(most(list))} (${list.length} times)`;
const worldsWith = (records: readonly WorldRecord[], kind: Complaint["kind"]): number =>
  records.filter(({ complaints }) => complaints.some((one) => one.kind === kind)).length;
