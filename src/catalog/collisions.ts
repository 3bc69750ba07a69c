/** No two models may want one place in the tree: the same file, or one a folder on the other's way. */
import { dirname } from "node:path";
import type { Problem } from "../base/errors.ts";
import { collisionKey } from "../base/paths.ts";
import type { PlacedModel } from "./manifest.ts";

interface Claim {
  readonly owner: PlacedModel;
  readonly path: string;
  /** 0 is the path, n the n-th alias. */
  readonly number: number;
}

/** Every path that two models, or one model twice, lay claim to. Linear in the number of paths. */
export function findCollisions(models: Iterable<PlacedModel>): readonly Problem[] {
  const claims = new Map<string, Claim>();
  const problems: Problem[] = [];
  for (const owner of models) {
    const { path, aliases } = owner.model;
    for (let number = 0; number <= aliases.length; number += 1) {
      const claimed = number === 0 ? path : aliases[number - 1];
      if (claimed === undefined) continue;
      const key = collisionKey(claimed);
      const claim = { owner, path: claimed, number };
      const first = claims.get(key);
      if (first === undefined) claims.set(key, claim);
      else problems.push(samePlace(claim, first));
    }
  }
  return [...problems, ...findBlockedFolders(claims)];
}

function* findBlockedFolders(claims: ReadonlyMap<string, Claim>): Iterable<Problem> {
  for (const [key, claim] of claims) {
    for (let slash = key.indexOf("/"); slash >= 0; slash = key.indexOf("/", slash + 1)) {
      const file = claims.get(key.slice(0, slash));
      if (file !== undefined) yield blockedFolder(claim, file);
    }
  }
}

function samePlace(claim: Claim, first: Claim): Problem {
  const { name, at } = first.owner.model;
  const spelled =
    claim.path === first.path ? "" : ` (spelled "${first.path}" there, which many file systems take as the same)`;
  return {
    at: placeOf(claim),
    message: `"${claim.path}" belongs to "${name}" already${spelled}`,
    fix:
      claim.owner === first.owner ? "remove it" : `give one of them another path${overriding(claim, first)}, see ${at}`,
  };
}

/** An entry of another folder can be overridden, which is what someone means who brings the same file from elsewhere. */
function overriding(claim: Claim, first: Claim): string {
  const [own, other] = [claim, first].map(({ owner }) => dirname(owner.model.at));
  return own === other || claim.number > 0 || first.number > 0
    ? ""
    : `, or call this one "${first.owner.model.name}" to override it`;
}

function blockedFolder(claim: Claim, file: Claim): Problem {
  const { name, at } = file.owner.model;
  return {
    at: placeOf(claim),
    message: `"${claim.path}" lies in "${file.path}", which is a file of "${name}"`,
    fix: `give one of them another path, see ${at}`,
  };
}

function placeOf({ owner, number }: Claim): string {
  const entry = ["models", owner.index];
  return owner.document.placeOf(number === 0 ? [...entry, "path"] : [...entry, "aliases", number - 1]);
}
