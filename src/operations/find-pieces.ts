/** The piece table of a model: the one its manifest names, else the one that lies beside its object in a bucket. */
import { PIECE_BYTES, type Sha256 } from "../base/artifact.ts";
import { isModelsError } from "../base/errors.ts";
import type { Report } from "../base/events.ts";
import type { Mirror } from "../base/mirror.ts";
import type { PieceTable } from "../catalog/pieces.ts";
import { PIECES_SUFFIX } from "./destination.ts";
import type { Network } from "./sync-ports.ts";

export interface PiecedModel {
  readonly name: string;
  /** URI or path of the table that the manifest names, or null. */
  readonly pieces: string | null;
  readonly size: number;
  readonly sha256: Sha256 | null;
  readonly mirrors: readonly Mirror[];
}

export interface FoundPieces {
  readonly table: PieceTable;
  /** False for a table that nobody vouches for: where it and the bytes differ, it may be the one that is wrong. */
  readonly isNamed: boolean;
}

interface FindPorts {
  readonly network: Pick<Network, "readPieces">;
  readonly report: Report;
  readonly signal: AbortSignal;
}

const NO_PIECES = { code: "MIRROR_FAILED", fix: "mend pieces: in its manifest entry, or remove it" } as const;

/**
 * Finds the table. It only makes blame quicker, so that one which cannot be had is no reason to fail.
 * @throws ModelsError `SIGNATURE_INVALID`, `SIGNATURE_UNTRUSTED` for the one that the manifest names
 */
export async function findPieces(model: PiecedModel, ports: FindPorts): Promise<FoundPieces | null> {
  return model.pieces === null ? await besideObject(model, ports) : await named(model, model.pieces, ports);
}

async function named(
  model: PiecedModel,
  place: string,
  { network, report, signal }: FindPorts,
): Promise<FoundPieces | null> {
  try {
    const table = await network.readPieces(place, signal);
    if (isTableOf(table, model)) return { table, isNamed: true };
    report({ kind: "warning", ...NO_PIECES, message: `The piece table of "${model.name}" is of another file` });
  } catch (error) {
    signal.throwIfAborted();
    // A wrong signature is a sign that somebody is at work; without one, the whole digest does.
    if (isModelsError(error, "SIGNATURE_INVALID", "SIGNATURE_UNTRUSTED")) throw error;
    if (isModelsError(error, "SIGNATURE_MISSING")) {
      const { code, message } = error;
      report({ kind: "warning", code, message, fix: "have it signed with models sign, or remove pieces:" });
      return null;
    }
    report({ kind: "warning", ...NO_PIECES, message: `The piece table of "${model.name}" cannot be read` });
  }
  return null;
}

/** Whoever published to a bucket has left one there, as a rule. A file of one piece has no use for it. */
async function besideObject(model: PiecedModel, { network, signal }: FindPorts): Promise<FoundPieces | null> {
  const object = model.mirrors.find(({ source }) => /^(?:r2|s3):/.test(source));
  if (object === undefined || model.size <= PIECE_BYTES || model.sha256 === null) return null;
  try {
    const table = await network.readPieces(object.source + PIECES_SUFFIX, signal);
    return isTableOf(table, model) ? { table, isNamed: false } : null;
  } catch {
    signal.throwIfAborted();
    return null;
  }
}

function isTableOf(table: PieceTable, { size, sha256 }: PiecedModel): boolean {
  return table.size === size && table.sha256 === sha256;
}
