/** For a whole service: which endpoints are ready on this box, which lack which file, and what each needs beyond the others. */
import type { Clock } from "../base/clock.ts";
import { isModelsError } from "../base/errors.ts";
import type { Endpoint } from "../catalog/endpoints.ts";
import type { Model } from "../catalog/model.ts";
import type { Finding } from "../tree/check.ts";
import { parseOverride } from "../workflow/overrides.ts";
import type { Check } from "./check.ts";
import type { Selection, Selectors } from "./select.ts";

/** One endpoint, as it stands. */
export interface EndpointCoverage extends Bytes {
  readonly name: string;
  readonly group: string;
  readonly isReady: boolean;
  /** How many files it needs. */
  readonly files: number;
  /** What it lacks, each with what to do. */
  readonly lacks: readonly Finding[];
  /** Why it cannot be said at all: a workflow that cannot be read, a kit that does not exist. */
  readonly problem?: { readonly code: string; readonly message: string; readonly fix?: string };
}

/** Bytes of the files whose size is known, a file that several names share counted once. */
export interface Bytes {
  readonly bytes: number;
  /** The part that nothing else of the service needs. */
  readonly ownBytes: number;
  /** The part that is not on this box. */
  readonly lackingBytes: number;
  /** How many files have an unknown size, so that the figures are lower bounds. */
  readonly unknownSizes: number;
}

export interface GroupCoverage extends Bytes {
  readonly name: string;
  readonly endpoints: number;
  readonly ready: number;
}

/** What `models coverage --json` prints. */
export interface CoverageReport extends Omit<Bytes, "ownBytes"> {
  /** True when every endpoint is ready. */
  readonly ok: boolean;
  readonly root: string;
  readonly ready: number;
  readonly files: number;
  readonly groups: readonly GroupCoverage[];
  readonly endpoints: readonly EndpointCoverage[];
  readonly elapsedMs: number;
}

export interface CoveragePorts {
  readonly select: (selectors: Selectors) => Promise<Selection>;
  readonly check: Check;
  readonly root: string;
  readonly clock: Clock;
}

/** What one endpoint needs, and what of it is here. */
interface Needed {
  readonly endpoint: Endpoint;
  readonly files: ReadonlyMap<string, File>;
  readonly lacks: readonly Finding[];
  readonly problem: EndpointCoverage["problem"];
}

interface File {
  readonly size: number | null;
  readonly isHere: boolean;
}

/** Looks at every endpoint; one that cannot be read is a finding, not an end. Asks nothing of the network. */
export async function coverEndpoints(ports: CoveragePorts, endpoints: readonly Endpoint[]): Promise<CoverageReport> {
  const startedMs = ports.clock.monotonicMs();
  const needed: Needed[] = [];
  for (const endpoint of endpoints) needed.push(await needsOf(ports, endpoint));
  const covered = needed.map((one) => coverOne(one, needed));
  const { ownBytes: _, ...whole } = bytesOf(needed, []);
  return {
    ok: covered.every(({ isReady }) => isReady),
    root: ports.root,
    ready: covered.filter(({ isReady }) => isReady).length,
    files: filesOf(needed).size,
    ...whole,
    groups: groupsOf(needed, covered),
    endpoints: covered,
    elapsedMs: Math.round((ports.clock.monotonicMs() - startedMs) * 1000) / 1000,
  };
}

async function needsOf({ select, check }: CoveragePorts, endpoint: Endpoint): Promise<Needed> {
  try {
    const { kits, workflows, models, variant } = endpoint;
    const set = Object.entries(endpoint.set).map(([place, value]) => ({ ...parseOverride(`${place}=`), value }));
    const selection = await select({ kits, workflows, models, variant, set });
    const { models: findings } = await check(selection);
    const files = findings.map((finding, index) => [keyOf(finding, selection.models[index]), fileOf(finding)] as const);
    return { endpoint, files: new Map(files), lacks: findings.filter((one) => !isHere(one)), problem: undefined };
  } catch (error) {
    if (!isModelsError(error)) throw error;
    const { code, message, fix } = error;
    const problem = { code, message, ...(fix === undefined ? {} : { fix }) };
    return { endpoint, files: new Map(), lacks: [], problem };
  }
}

/** Files of the same bytes are one, whatever they are called; what nobody knows is known by its place. */
function keyOf(finding: Finding, model: Model | undefined): string {
  return model?.sha256 ?? finding.path;
}

function fileOf(finding: Finding): File {
  return { size: finding.size, isHere: isHere(finding) };
}

function isHere({ status }: Finding): boolean {
  return status === "present" || status === "unverified";
}

function coverOne(one: Needed, all: readonly Needed[]): EndpointCoverage {
  const { endpoint, files, lacks, problem } = one;
  return {
    name: endpoint.name,
    group: endpoint.group,
    isReady: problem === undefined && lacks.length === 0,
    files: files.size,
    ...bytesOf(
      [one],
      all.filter((other) => other !== one),
    ),
    lacks,
    ...(problem === undefined ? {} : { problem }),
  };
}

function groupsOf(needed: readonly Needed[], covered: readonly EndpointCoverage[]): readonly GroupCoverage[] {
  const names = [...new Set(needed.map(({ endpoint }) => endpoint.group))];
  return names.map((name) => {
    const isInside = ({ endpoint }: Needed): boolean => endpoint.group === name;
    const inside = covered.filter(({ group }) => group === name);
    return {
      name,
      endpoints: inside.length,
      ready: inside.filter(({ isReady }) => isReady).length,
      ...bytesOf(
        needed.filter(isInside),
        needed.filter((one) => !isInside(one)),
      ),
    };
  });
}

function bytesOf(some: readonly Needed[], others: readonly Needed[]): Bytes {
  const files = filesOf(some);
  const shared = filesOf(others);
  const sum = (isCounted: (key: string, file: File) => boolean): number =>
    [...files].reduce((total, [key, file]) => total + (isCounted(key, file) ? (file.size ?? 0) : 0), 0);
  return {
    bytes: sum(() => true),
    ownBytes: sum((key) => !shared.has(key)),
    lackingBytes: sum((_key, file) => !file.isHere),
    unknownSizes: [...files.values()].filter(({ size }) => size === null).length,
  };
}

function filesOf(needed: readonly Needed[]): ReadonlyMap<string, File> {
  return new Map(needed.flatMap(({ files }) => [...files]));
}
