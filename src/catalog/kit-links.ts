/** Whether every name in a kit leads somewhere, once, and not back to the kit itself. */
import { didYouMean } from "../base/did-you-mean.ts";
import type { Problem } from "../base/errors.ts";
import type { PlacedKit } from "./kit.ts";
import { findCircles } from "./kit-circles.ts";

type Field = "includes" | "models";

/** Each suggestion walks all names; a catalogue with more wrong names than this has another problem. */
const MAX_SUGGESTIONS = 50;

/** Unknown names, names that are there twice, and circles of includes. */
export function findKitProblems(
  kits: ReadonlyMap<string, PlacedKit>,
  models: ReadonlyMap<string, unknown>,
): readonly Problem[] {
  const unknownKit = createUnknown(kits, (name) => `no kit is named "${name}"`);
  const unknownModel = createUnknown(models, (name) => `no manifest has a model "${name}"`);
  const problems = [...kits.values()].flatMap((placed) => [
    ...eachWrong(placed, "includes", createRepeated()),
    ...eachWrong(placed, "models", createRepeated()),
    ...eachWrong(placed, "includes", unknownKit),
    ...eachWrong(placed, "models", unknownModel),
  ]);
  return [...problems, ...findCircles(kits)];
}

/** What is wrong with one name, or null. */
type Judge = (name: string) => Omit<Problem, "at"> | null;

function eachWrong({ kit, document }: PlacedKit, field: Field, judge: Judge): readonly Problem[] {
  return kit[field].flatMap((name, index) => {
    const wrong = judge(name);
    return wrong === null ? [] : [{ at: document.placeOf([field, index]), ...wrong }];
  });
}

function createRepeated(): Judge {
  const seen = new Set<string>();
  return (name) => {
    if (seen.size < seen.add(name).size) return null;
    return { message: `"${name}" is there twice`, fix: "remove one of the two" };
  };
}

function createUnknown(known: ReadonlyMap<string, unknown>, say: (name: string) => string): Judge {
  let suggestions = 0;
  return (name) => {
    if (known.has(name)) return null;
    suggestions += 1;
    const meant = suggestions <= MAX_SUGGESTIONS ? didYouMean(name, known.keys()) : undefined;
    return { message: say(name), fix: meant ?? "correct the name, or add what it names" };
  };
}
