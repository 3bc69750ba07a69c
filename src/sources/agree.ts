/** Which of the mirrors found can be mirrors of the model that is wanted, and of each other. Pure. */
import type { Sha256 } from "../base/artifact.ts";
import { ModelsError } from "../base/errors.ts";
import { isPickleRefusal, sniffWeights } from "../base/formats/sniff.ts";

/** What is known of the model before anybody answered. */
export interface Expected {
  readonly path: string;
  readonly size: number | null;
  readonly sha256: Sha256 | null;
  readonly allowPickle: boolean;
}

/** What a mirror says. */
export interface Claim {
  readonly label: string;
  readonly source: string;
  readonly size: number;
  readonly sha256: Sha256 | null;
  readonly head: Uint8Array;
}

/**
 * Why what `claim` says cannot be the model, or null when it can.
 * The error is `NOT_WEIGHTS`, `PICKLE_REFUSED`, `DIGEST_CONTRADICTION` or `MIRROR_LIED`, with both figures.
 */
export function claimProblem(claim: Claim, expected: Expected): ModelsError | null {
  const { label, source, head } = claim;
  const isRightSize = expected.size === null || expected.size === claim.size;
  const seen = sniffWeights(head, expected.path, {
    size: isRightSize ? claim.size : null,
    allowPickle: expected.allowPickle,
    isPinned: expected.sha256 !== null,
  });
  if (seen !== null && isPickleRefusal(head, expected.path)) {
    return new ModelsError("PICKLE_REFUSED", `Cannot use "${source}": the file that ${label} gives ${seen}`, {
      fix:
        expected.sha256 === null
          ? "write its sha256 into a manifest, and give --allow-pickle if you trust who made it; or use a safetensors file"
          : "give --allow-pickle, or allowPickle: in the config, if you trust who made it; or use a safetensors file",
    });
  }
  if (seen !== null)
    return new ModelsError("NOT_WEIGHTS", `Cannot use "${source}": the file that ${label} gives ${seen}`);
  if (expected.sha256 !== null && claim.sha256 !== null && claim.sha256 !== expected.sha256) {
    return contradiction(claim, `the manifest says ${expected.sha256}`);
  }
  if (isRightSize) return null;
  const message = `Cannot use "${source}": ${label} says ${claim.size} bytes, the manifest says ${expected.size}`;
  return new ModelsError("MIRROR_LIED", message, {
    fix: "correct the manifest if the file was replaced on purpose, or pin the source to its commit",
  });
}

/**
 * Splits mirrors that contradict each other: those kept agree on the size, and on the digest where they declare one.
 * Whoever declares the wanted digest is right, then whoever declares any, then the majority, then who was named first.
 */
export function agreeing<C extends Claim>(
  claims: readonly C[],
  wanted: Pick<Expected, "sha256">,
): { readonly kept: readonly C[]; readonly dropped: ReadonlyMap<C, ModelsError> } {
  const dropped = new Map<C, ModelsError>();
  const rank = (claim: C): number => (claim.sha256 === null ? 0 : claim.sha256 === wanted.sha256 ? 2 : 1);
  const size = preferred(claims, (claim) => claim.size, rank);
  const sized = claims.filter((claim) => claim.size === size);
  const labels = labelsOf(sized);
  for (const claim of claims) {
    if (claim.size === size) continue;
    const message = `Cannot use "${claim.source}": ${claim.label} says ${claim.size} bytes, ${labels} says ${size}`;
    dropped.set(
      claim,
      new ModelsError("MIRROR_LIED", message, { fix: "write the size and the sha256 into the manifest" }),
    );
  }
  const declaring = sized.filter((claim) => claim.sha256 !== null);
  const sha256 = preferred(declaring, (claim) => claim.sha256, rank);
  const right = labelsOf(declaring.filter((claim) => claim.sha256 === sha256));
  for (const claim of declaring) {
    if (claim.sha256 !== sha256) dropped.set(claim, contradiction(claim, `${right} declares ${sha256}`));
  }
  return { kept: sized.filter((claim) => !dropped.has(claim)), dropped };
}

/** The value with the highest rank; among equal ranks the most frequent; among equally frequent the first. */
function preferred<C, V>(claims: readonly C[], saidBy: (claim: C) => V, rankOf: (claim: C) => number): V | undefined {
  const votes = new Map<V, { rank: number; count: number }>();
  for (const claim of claims) {
    const vote = votes.get(saidBy(claim)) ?? { rank: 0, count: 0 };
    votes.set(saidBy(claim), { rank: Math.max(vote.rank, rankOf(claim)), count: vote.count + 1 });
  }
  const sorted = [...votes].sort(([, a], [, b]) => b.rank - a.rank || b.count - a.count);
  return sorted[0]?.[0];
}

const labelsOf = (claims: readonly Claim[]): string => [...new Set(claims.map(({ label }) => label))].join(" and ");

function contradiction(claim: Claim, other: string): ModelsError {
  const message = `Cannot use "${claim.source}": ${claim.label} declares sha256 ${claim.sha256}, ${other}`;
  return new ModelsError("DIGEST_CONTRADICTION", message, {
    fix: "pin the source to the commit that holds the wanted file, or correct the manifest",
  });
}
