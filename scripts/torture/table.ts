/** What a run of many worlds adds up to, as tables for people. Pure. */
import { formatBytes } from "../../src/base/bytes.ts";
import { FAULTS } from "./faults.ts";
import type { Offence } from "./judge.ts";
import type { WorldReport } from "./world.ts";

const OFFENCES: readonly Offence[] = ["wrong", "lost", "hung", "leaked", "undefined", "left over"];

/** The lines of the summary. */
export function tableOf(reports: readonly WorldReport[], elapsedMs: number): readonly string[] {
  const sum = (of: (report: WorldReport) => number): number => reports.reduce((total, report) => total + of(report), 0);
  const offences = OFFENCES.map((offence) => {
    const count = sum(({ violations }) => violations.filter((one) => one.offence === offence).length);
    return `${count} ${offence}`;
  });
  const twice = sorted(reports.flatMap((report) => report.twice));
  const recovery = sorted(reports.flatMap(({ recoveryMs }) => recoveryMs));
  const sent = sum(({ sentBytes }) => sentBytes);
  const size = sum(({ sizeBytes }) => sizeBytes);
  return [
    "| what | how much |",
    "| --- | --- |",
    `| worlds | ${reports.length} in ${Math.round(elapsedMs / 1000)} s |`,
    `| kills | ${sum(({ kills }) => kills)} |`,
    `| faults planted | ${sum(faultsOf)} in ${reports.filter((report) => faultsOf(report) > 0).length} worlds |`,
    `| verdict | ${offences.join(", ")} |`,
    `| bytes sent by mirrors | ${formatBytes(sent)} for files of ${formatBytes(size)}; what is above went to kills, lies and the runs after them |`,
    `| fetched twice after a kill, files of 250 to 300 MB at 20 to 30 MB/s | median ${percent(middle(twice))}, most ${percent(twice.at(-1))} of the file (${twice.length} kills) |`,
    `| others go on after a kill | median ${ms(middle(recovery))}, worst ${ms(recovery.at(-1))} (${recovery.length} kills) |`,
    "",
    ...faultLines(reports),
  ];
}

const faultsOf = ({ plan }: WorldReport): number => plan.mirrors.reduce((sum, { faults }) => sum + faults.length, 0);

function faultLines(reports: readonly WorldReport[]): readonly string[] {
  const lines = FAULTS.map(({ name }) => {
    const worlds = reports.filter(({ plan }) =>
      plan.mirrors.some(({ faults }) => faults.some(({ kind }) => kind.name === name)),
    );
    const survived = worlds.filter(({ codes }) => codes.every((code) => code === 0)).length;
    const bad = worlds.filter(({ violations }) => violations.length > 0).length;
    return `| ${name} | ${worlds.length} | ${survived} | ${worlds.length - survived} | ${bad} |`;
  });
  return [
    "| fault | worlds | came all the same | refused with an error | violations |",
    "| --- | --- | --- | --- | --- |",
    ...lines,
  ];
}

const sorted = (values: readonly number[]): readonly number[] => [...values].sort((one, other) => one - other);
const middle = (values: readonly number[]): number | undefined => values[Math.floor(values.length / 2)];
const percent = (share: number | undefined): string => (share === undefined ? "–" : `${(share * 100).toFixed(2)} %`);
const ms = (value: number | undefined): string => (value === undefined ? "–" : `${Math.round(value)} ms`);
