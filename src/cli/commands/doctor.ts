/** `models doctor`: says what is wrong with this box, in lines that can be pasted into a bug report. */
import type { Diagnosis, DoctorReport } from "../../operations/doctor.ts";
import type { Paper } from "../../report/notices.ts";
import { countOf, padText, printable, wrapText } from "../../report/text.ts";
import { type Call, type CommandSpec, printJson, printLines } from "../command.ts";
import { EXIT_DONE, EXIT_FINDINGS, type ExitCode } from "../exit-codes.ts";
import { type Models, withModels } from "../open-models.ts";
import { MODEL_ARGUMENT, SELECT_OPTIONS } from "../options.ts";
import { writtenSelection } from "../selection.ts";

export const doctorCommand: CommandSpec = {
  arguments: [{ ...MODEL_ARGUMENT, says: "models to ask mirrors for, by name, path in the tree or file name" }],
  options: [...SELECT_OPTIONS, { flags: "--offline", says: "ask nobody: the machine, the disk and the state alone" }],
  examples: [
    { line: "models doctor", says: "this box, the Hub and every configured mirror" },
    { line: "models doctor --kit flux", says: "with the files of a kit" },
    { line: "models doctor --json > doctor.json", says: "for a bug report" },
  ],
  exits: [EXIT_FINDINGS],
  notes: [
    "Tokens, passwords and signatures of links are never in it.",
    "It writes 64 MB to the models folder to see how fast that is, and takes them away again.",
  ],
  run: (call) => withModels(call, (models) => run(call, models)),
};

async function run(call: Call, models: Models): Promise<ExitCode> {
  const isJson = call.flags.json === true;
  let lastAbout: string | null = null;
  const onFinding = (finding: Diagnosis): void => {
    if (isJson) return;
    printLines(call, [
      ...(finding.about === lastAbout ? [] : [headline(finding, call.out)]),
      ...lines(finding, call.out),
    ]);
    lastAbout = finding.about;
  };
  const report = await models.doctor({ ...(await writtenSelection(call)), signal: call.signal, onFinding });
  if (isJson) printJson(call, report);
  else printLines(call, [verdict(report, call.out)]);
  return report.ok ? EXIT_DONE : EXIT_FINDINGS;
}

const NAME_WIDTH = 28;

const headline = ({ about }: Diagnosis, { style }: Paper): string => style.bold(about);

function lines({ name, status, says, fix }: Diagnosis, { style, width }: Paper): readonly string[] {
  const { done, warning, failed } = style.signs;
  const sign = { ok: style.good(done), warn: style.warn(warning), bad: style.bad(failed) }[status];
  const text = `${sign} ${padText(printable(name), NAME_WIDTH)} ${printable(says)}`;
  if (fix === undefined) return [`  ${text}`];
  const room = width === null ? Number.POSITIVE_INFINITY : Math.max(20, width - 10);
  const advice = Number.isFinite(room) ? wrapText(printable(fix), room) : [printable(fix)];
  return [`  ${text}`, ...advice.map((line, at) => `    ${at === 0 ? style.accent("fix:") : "    "} ${line}`)];
}

function verdict({ findings, ok, version }: DoctorReport, { style }: Paper): string {
  const bad = findings.filter(({ status }) => status === "bad").length;
  const warned = findings.filter(({ status }) => status === "warn").length;
  const sign = ok ? style.good(style.signs.done) : style.bad(style.signs.failed);
  const what = ok ? "nothing is wrong" : `${countOf(bad, "thing")} wrong`;
  return `${sign} ${style.bold(what)}${warned === 0 ? "" : `, ${countOf(warned, "warning")}`} (modelferry ${version})`;
}
