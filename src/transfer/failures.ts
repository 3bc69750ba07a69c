/** The errors with which the fetch of one file ends. */
import type { Sha256 } from "../base/artifact.ts";
import { blameDisk } from "../base/disk-error.ts";
import { isModelsError, ModelsError } from "../base/errors.ts";
import type { Mirror } from "../base/mirror.ts";
import type { LaneFailure } from "../net/lane-protocol.ts";
import type { Blame } from "./blame.ts";

/** What is known of a job whose last mirror is gone. */
interface Forsaken {
  readonly name: string;
  readonly lastBlame: { readonly label: string; readonly blame: Blame } | null;
  readonly lastTrouble: string | null;
}

const RESUMES = "run the same command again, it resumes where it stopped; another source or --mirror helps";

/** No mirror is left, or none has moved a byte for too long. */
export function mirrorsFailure({ name, lastBlame, lastTrouble }: Forsaken, isHopeless: boolean): ModelsError {
  const trouble =
    lastTrouble === null ? "no mirror answers" : `no mirror answers, the last trouble was that ${lastTrouble}`;
  const seen =
    lastBlame === null
      ? trouble
      : `the last mirror, ${lastBlame.label}, was given up because ${lastBlame.blame.message}`;
  const code = lastBlame === null || isHopeless ? "MIRROR_FAILED" : lastBlame.blame.code;
  return new ModelsError(code, `Cannot fetch "${name}": ${seen}`, { fix: RESUMES });
}

/** The partial file at `path` could not be written. */
export function diskFailure(path: string, failure: Extract<LaneFailure, { kind: "disk" }>): ModelsError {
  const { code, seen, fix } = blameDisk(path, failure);
  return new ModelsError(code, `Cannot write "${path}": ${seen}`, { fix });
}

/** Every mirror was asked alone, and none gave the right bytes. */
export function mismatch(
  {
    model,
    sha256,
    mirrors,
  }: { readonly model: string; readonly sha256: Sha256 | null; readonly mirrors: readonly Mirror[] },
  seen: Sha256,
): ModelsError {
  const labels = [...new Set(mirrors.map(({ label }) => label))].join(", ");
  const message = `Cannot verify "${model}": sha256 is ${seen} from ${labels}, expected ${sha256}`;
  return new ModelsError("DIGEST_MISMATCH", message, {
    fix: "the manifest's digest or every mirror is wrong: compare with the publisher's own figure",
  });
}

/** The bytes have no header of weights, and nobody else can send others. */
export function notWeights(model: string, problem: string): ModelsError {
  return new ModelsError("NOT_WEIGHTS", `Cannot fetch "${model}": the file ${problem}`, {
    fix: "name a source that holds the weights themselves",
  });
}

/** True when `error` blames mirrors, so that another one may still help. */
export function blamesMirror(error: unknown): boolean {
  return isModelsError(error) && /^(MIRROR_|SOURCE_|NO_MIRROR)/.test(error.code);
}
