/** What every case works with: tools, folders, and the way from contenders to a report. */
import { mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { writeServed } from "./content.ts";
import type { LinkShape } from "./links.ts";
import { type Network, networkProblem, openNetwork } from "./links.ts";
import type { Native } from "./native.ts";
import type { Options } from "./options.ts";
import { type Nginx, type NginxSettings, startNginx } from "./origin.ts";
import type { Pages } from "./pages.ts";
import { type Contest, compete } from "./rounds.ts";
import type { CaseReport, Contender, Outcome, Sample, Served } from "./terms.ts";
import type { Tools } from "./tools.ts";

export interface Bench {
  readonly options: Options;
  readonly tools: Tools;
  readonly native: Native;
  /** Where what is served lies: in memory where there is room. */
  readonly memory: string;
  /** On the disk that is written to. */
  readonly disk: string;
  readonly say: (text: string) => void;
  readonly pages: Pages;
  /** When no further round of the case begins, on the monotonic clock; `Infinity` where nobody waits for the end. */
  readonly endsMs: number;
}

export interface Case {
  readonly id: string;
  readonly title: string;
  /** What all of its rounds took on the machine of the README: so much is kept for it while others go on. */
  readonly seconds: number;
  /** Left out of a quick run that does not name it. @default false */
  readonly isLong?: boolean;
  readonly run: (bench: Bench, identity: { readonly id: string; readonly title: string }) => Promise<CaseReport>;
}

/** `full` bytes or rounds, or the smaller number with `--quick`. */
export const scaled = ({ options }: Bench, full: number, quick: number): number => (options.isQuick ? quick : full);

/** The rounds of a case that wants `full`. */
export const roundsOf = (bench: Bench, full: number, quick: number = 1): number =>
  bench.options.rounds ?? scaled(bench, full, quick);

/** Files of these sizes, in a folder that only they are in. */
export async function serve(
  bench: Bench,
  stem: string,
  sizes: readonly number[],
): Promise<{ readonly folder: string; readonly files: readonly Served[] }> {
  const folder = join(bench.memory, stem);
  return { folder, files: await writeServed(folder, stem, sizes) };
}

/** Frees what {@link serve} wrote. */
export const unserve = (bench: Bench, stem: string): Promise<void> =>
  rm(join(bench.memory, stem), { recursive: true, force: true });

/** A folder for the lists and manifests of a case. */
export async function listsOf(bench: Bench, id: string): Promise<string> {
  const folder = join(bench.disk, "lists", id);
  await mkdir(folder, { recursive: true });
  return folder;
}

export function nginxOf(bench: Bench, settings: Omit<NginxSettings, "nginx">): Promise<Nginx> {
  return startNginx({ ...settings, nginx: bench.tools.path("nginx") ?? "nginx" });
}

export interface Arena {
  readonly id: string;
  readonly files: readonly Served[];
  readonly contenders: readonly Contender[];
  readonly rounds: number;
  readonly origins: readonly Nginx[];
  /** @default 120 */
  readonly timeoutSeconds?: number;
  readonly network?: Network;
  readonly onSample?: (sample: Sample) => void;
  readonly prepare?: () => Promise<void>;
  readonly inspect?: () => Promise<string | null>;
}

/** Runs the contenders side by side. */
export function contest(bench: Bench, arena: Arena): Promise<readonly Outcome[]> {
  const { network, origins, onSample, prepare, inspect } = arena;
  const settings: Contest["settings"] = {
    measure: bench.native.measure,
    namespace: network?.namespace ?? null,
    timeoutSeconds: arena.timeoutSeconds ?? 120,
    originPids: () => origins.flatMap((origin) => origin.pids()),
    sample: network === undefined ? null : createLook(network, origins),
    ...(onSample === undefined ? {} : { onSample }),
  };
  return compete({
    folder: join(bench.disk, arena.id),
    files: arena.files,
    contenders: arena.contenders,
    rounds: arena.rounds,
    settings,
    say: bench.say,
    pages: bench.pages,
    endsMs: bench.endsMs,
    isKeeping: bench.options.isKeeping,
    ...(prepare === undefined ? {} : { prepare }),
    ...(inspect === undefined ? {} : { inspect }),
  });
}

/** Links for a case, or why there can be none. */
export async function networkOf(bench: Bench, shapes: readonly LinkShape[]): Promise<Network | string> {
  const ports = { tools: bench.tools, wire: bench.native.wire };
  const problem = networkProblem(ports) ?? (bench.native.measure === null ? "needs a C compiler" : null);
  return problem ?? (await openNetwork(shapes, ports));
}

export const skippedCase = (identity: { readonly id: string; readonly title: string }, why: string): CaseReport => ({
  ...identity,
  about: "",
  outcomes: [],
  verdicts: [],
  series: [],
  skipped: [why],
});

/** Looks at the links at once; the connections are those of the last look, since counting them takes a moment. */
function createLook(network: Network, origins: readonly Nginx[]): () => Omit<Sample, "atMs"> {
  let connections = 0;
  return () => {
    void openSockets(origins.map(({ port }) => port)).then((count) => {
      connections = count;
    });
    return { bytes: network.links.map((link) => link.bytes()), connections };
  };
}

async function openSockets(ports: readonly number[]): Promise<number> {
  const wanted = new Set(ports.map((port) => port.toString(16).toUpperCase().padStart(4, "0")));
  const lines = (await readFile("/proc/net/tcp", "utf8")).split("\n");
  return lines.filter((line) => {
    const [, local = "", , state] = line.trim().split(/\s+/);
    return state === "01" && wanted.has(local.split(":")[1] ?? "");
  }).length;
}
