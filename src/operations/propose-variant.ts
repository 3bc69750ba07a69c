/** Which variant of a kit a graphics card can hold, told from sizes of files alone. Pure. */
import { formatBytes } from "../base/bytes.ts";
import type { VariantEntry } from "./kits.ts";

/** What is proposed, and every fact that it is based on. */
export interface Proposal {
  /** Bytes of the card's memory. */
  readonly vramBytes: number;
  /** Null when none is known to fit. */
  readonly variant: string | null;
  /** In the order of the kit, which puts the better quality first. */
  readonly basis: readonly Basis[];
  readonly says: string;
}

export interface Basis {
  readonly variant: string;
  readonly largest: VariantEntry["largest"];
  /** Null when a size is unknown. */
  readonly fits: boolean | null;
}

/** The part of the memory that weights may fill: the rest is for activations, which grow with the picture. */
const FOR_WEIGHTS = 0.85;

/**
 * The first variant whose largest file fits into the part of the memory that is for weights: ComfyUI holds one model at
 * a time there. A variant with an unknown size is never proposed.
 */
export function proposeVariant(variants: readonly VariantEntry[], vramBytes: number): Proposal {
  const room = vramBytes * FOR_WEIGHTS;
  const basis = variants.map(({ name, largest }) => ({
    variant: name,
    largest,
    fits: largest === null ? null : largest.size <= room,
  }));
  const best = basis.find(({ fits }) => fits === true) ?? null;
  return { vramBytes, variant: best?.variant ?? null, basis, says: wordsFor(best, basis, room) };
}

function wordsFor(best: Basis | null, basis: readonly Basis[], room: number): string {
  const limit = `${formatBytes(room)}, 85 % of the memory`;
  const unknown = basis.filter(({ fits }) => fits === null).map(({ variant }) => variant);
  const open = unknown.length === 0 ? "" : `; of ${unknown.join(" and ")} a size is unknown`;
  if (basis.length === 0) return "this kit has no variants to choose between";
  if (best?.largest == null)
    return `no variant is known to fit into ${limit}: ComfyUI then offloads, which is slower${open}`;
  const { model, size, isRough } = best.largest;
  const bytes = `${isRough ? "about " : ""}${formatBytes(size)}`;
  return `the largest file of ${best.variant} is ${model} with ${bytes}, which fits into ${limit}${open}`;
}
