/** What mirrors say about a file, held against the manifest and against each other before the first byte. Pure. */
import type { Sha256 } from "../base/artifact.ts";
import { type ErrorCode, ModelsError, type Problem } from "../base/errors.ts";
import type { Mirror } from "../base/mirror.ts";
import type { Model } from "../catalog/model.ts";
import { formatSource, parseSource, printSource } from "../sources/uri.ts";

/** A source that gave no mirror, and why. */
export interface Dropped {
  readonly source: string;
  readonly label: string;
  readonly error: ModelsError;
}

/** Size and digest that everybody who knows them agrees on. */
export interface Figures {
  readonly size: number;
  /** Null when neither the manifest nor any mirror declares a digest. */
  readonly sha256: Sha256 | null;
}

type Figured = Pick<Model, "name" | "size" | "sha256" | "digestFrom">;

/**
 * Agrees on size and digest.
 * @throws ModelsError `DIGEST_CONTRADICTION` with every figure and who gave it; `NO_MIRROR` and its kin when none is left
 */
export function agreeOnFigures(model: Figured, mirrors: readonly Mirror[], dropped: readonly Dropped[]): Figures {
  refuseDoubtful(model, mirrors, dropped);
  const [first] = mirrors;
  if (first === undefined) throw noMirrorError(model, dropped);
  const size = model.size ?? agreed(model, "size", mirrors, (mirror) => mirror.size) ?? first.size;
  const sha256 = model.sha256 ?? agreed(model, "sha256", mirrors, (mirror) => mirror.sha256);
  return { size, sha256 };
}

/**
 * A digest that one list gave is a candidate: a mirror's word against it is enough to stop, unless another confirms it.
 * Without any digest to go by, mirrors that differ are not put to the vote.
 */
function refuseDoubtful(model: Figured, mirrors: readonly Mirror[], dropped: readonly Dropped[]): void {
  const isConfirmed = model.sha256 !== null && mirrors.some((mirror) => mirror.sha256 === model.sha256);
  const isSettled = model.sha256 !== null && (model.digestFrom === null || isConfirmed);
  const against = dropped.find(
    ({ error: { code } }) => code === "DIGEST_CONTRADICTION" || (code === "MIRROR_LIED" && model.sha256 === null),
  );
  if (against !== undefined && !isSettled) throw against.error;
}

function agreed<T extends string | number>(
  model: Figured,
  figure: string,
  mirrors: readonly Mirror[],
  pick: (mirror: Mirror) => T | null,
): T | null {
  const says = mirrors.flatMap((mirror) => {
    const value = pick(mirror);
    return value === null ? [] : [{ label: mirror.label, source: mirror.source, value }];
  });
  const values = new Set(says.map(({ value }) => value));
  if (values.size <= 1) return says[0]?.value ?? null;
  const all = says.map(({ label, value }) => `${label} says ${value}`).join(", ");
  throw new ModelsError(
    "DIGEST_CONTRADICTION",
    `Cannot fetch "${model.name}": its mirrors differ in ${figure}: ${all}`,
    {
      fix: `write the right ${figure} into the manifest, or remove the wrong source`,
      problems: says.map(({ label, source, value }) => ({ at: label, message: `${source}: ${figure} ${value}` })),
    },
  );
}

// What a person can act on comes before what is merely absent.
const TELLING: readonly ErrorCode[] = [
  "DIGEST_CONTRADICTION",
  "MIRROR_LIED",
  "NOT_WEIGHTS",
  "PICKLE_REFUSED",
  "SOURCE_GATED",
  "SOURCE_UNAUTHORIZED",
  "OFFLINE",
];

/** Why no mirror is left: the most telling single reason, or all of them. */
export function noMirrorError(model: Figured, dropped: readonly Dropped[]): ModelsError {
  const told = TELLING.flatMap((code) => dropped.filter(({ error }) => error.code === code))[0];
  const problems: readonly Problem[] = dropped.map(({ source, error }) => ({
    at: source,
    message: error.message,
    ...(error.fix === undefined ? {} : { fix: error.fix }),
  }));
  if (dropped.length === 0) {
    return new ModelsError("NO_MIRROR", `Cannot fetch "${model.name}": it has no source`, {
      fix: "add one to its manifest entry, or offer a mirror with --mirror",
    });
  }
  const reason = told ?? dropped[0];
  const others = dropped.length - 1;
  const rest = others === 0 ? "" : ` (and ${others} more ${others === 1 ? "source" : "sources"} failed)`;
  const fix = reason?.error.fix ?? "add another source to its manifest entry, or offer a mirror with --mirror";
  return new ModelsError(told?.error.code ?? "NO_MIRROR", `${noMirrorMessage(model, reason)}${rest}`, {
    fix,
    cause: reason?.error,
    problems: dropped.length === 1 ? [] : problems,
  });
}

function noMirrorMessage(model: Figured, reason: Dropped | undefined): string {
  const message = reason?.error.message ?? "no source answered";
  return message.includes(model.name) ? message : `Cannot fetch "${model.name}": ${message}`;
}

/** The model's own sources, each pinned to the commit that its mirror told; mirrors of the config are left out. */
export function pinnedSources(model: Pick<Model, "sources">, mirrors: readonly Mirror[]): readonly string[] {
  return model.sources.map((text) => {
    const source = parseSource(text);
    const printed = printSource(source);
    const revision = mirrors.find((mirror) => mirror.source === printed)?.revision ?? null;
    return source.kind === "hf" && revision !== null ? formatSource({ ...source, revision }) : text;
  });
}
