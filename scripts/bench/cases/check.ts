/** What proving presence costs: `models check` of a hundred files, against a Node that does nothing. */
import { spawnSync } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type Bench, type Case, contest, listsOf, nginxOf, roundsOf, serve, unserve } from "../bench.ts";
import { claim, compareTimes, named, roundsText } from "../figures.ts";
import { COMMAND, catalogWords, syncContender, writeCatalog } from "../ours.ts";
import type { Offer } from "../rivals.ts";
import { median } from "../rounds.ts";
import { cleanEnvironment } from "../run-once.ts";
import type { Contender } from "../terms.ts";

const FILES = 100;

export const checkCase: Case = {
  id: "check",
  title: "models check, 100 files, warm",
  seconds: 11,
  run: async (bench, { id, title }) => {
    const { folder, files } = await serve(
      bench,
      id,
      Array.from({ length: FILES }, (_, index) => 20_000 + index),
    );
    await using origin = await nginxOf(bench, { folder });
    const lists = await listsOf(bench, id);
    const offer: Offer = { files, origins: [origin.url], caFile: null, connections: 8, lists };
    const home = join(bench.disk, "checked");
    await mkdir(home, { recursive: true });
    fill(offer, home);
    const words = [COMMAND, "check", ...catalogWords(writeCatalog(offer)), "--root", join(home, "models"), "--json"];
    const check = nodeContender("models check", "ours", words);
    const contenders = [
      nodeContender("node -e 0", "limit", ["-e", "0"]),
      check,
      withNothingKept(check),
      nodeContender("models --version", "ours", [COMMAND, "--version"]),
    ];
    const rounds = roundsOf(bench, 31, 7);
    const outcomes = await contest(bench, { id, files: [], contenders, rounds, origins: [] });
    const perFile = insideMs(bench, words) / FILES;
    await unserve(bench, id);
    const [ours, versus] = [named(outcomes, "models check"), named(outcomes, "node -e 0")];
    return {
      id,
      title,
      about: `A tree of ${FILES} verified files and a manifest of its own beside the ones that come with the package; ${roundsText(outcomes)}, process start included. With nothing kept, it starts without the compiled code that the process before it has left.`,
      outcomes,
      verdicts: [
        compareTimes({ case: "models check, 100 files, process start included", ours, versus, atMost: 2.5 }),
        claim({
          case: "models check: inside, a file",
          of: ours,
          ours: `${perFile.toFixed(3)} ms`,
          target: "< 1 ms",
          isMet: perFile < 1,
        }),
      ],
      series: [],
      skipped: [],
    };
  },
};

function nodeContender(name: string, kind: Contender["kind"], words: readonly string[]): Contender {
  return { name, kind, isVerifying: false, command: () => ({ argv: [process.execPath, ...words] }) };
}

/** As on a box where it starts for the first time. */
function withNothingKept({ command, ...rest }: Contender): Contender {
  const environment = { NODE_DISABLE_COMPILE_CACHE: "1" };
  return { ...rest, name: `${rest.name}, nothing kept`, command: (into) => ({ ...command(into), environment }) };
}

function fill(offer: Offer, home: string): void {
  const { argv, environment } = syncContender(offer).command(home);
  const [node = "", ...args] = argv;
  const options = { env: { ...cleanEnvironment(home), ...environment }, cwd: home, encoding: "utf8" } as const;
  const { status, stderr } = spawnSync(node, args, options);
  if (status !== 0) throw new Error(`the tree could not be filled: ${stderr}`);
}

/** As the check itself says, medians of five. */
function insideMs({ disk }: Bench, words: readonly string[]): number {
  const options = { env: cleanEnvironment(disk), cwd: disk, encoding: "utf8" } as const;
  const once = (): number => {
    const { stdout } = spawnSync(process.execPath, words, options);
    const report = JSON.parse(stdout) as { readonly elapsedMs: number; readonly ok: boolean };
    return report.ok ? report.elapsedMs : Number.NaN;
  };
  return median(Array.from({ length: 5 }, once));
}
