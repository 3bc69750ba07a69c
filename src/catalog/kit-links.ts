/** Whether every name in a kit leads somewhere, once, and not back to the kit itself. */
import { didYouMean } from "../base/did-you-mean.ts";
import type { Problem } from "../base/errors.ts";
import type { DocumentPath } from "./document.ts";
import type { PlacedKit } from "./kit.ts";
import { findCircles } from "./kit-circles.ts";

type Field = "includes" | "models";

/** A list of names in a kit. */
interface Names {
  readonly path: DocumentPath;
  readonly names: readonly string[];
}

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
    ...eachWrong(placed, field("includes", placed), createRepeated()),
    ...eachWrong(placed, field("models", placed), createRepeated()),
    ...eachWrong(placed, field("includes", placed), unknownKit),
    ...eachWrong(placed, field("models", placed), unknownModel),
    ...choices(placed).flatMap((names) => [
      ...eachWrong(placed, names, createRepeated(placed.kit.models)),
      ...eachWrong(placed, names, unknownModel),
    ]),
  ]);
  return [...problems, ...findCircles(kits)];
}

/** What is wrong with one name, or null. */
type Judge = (name: string) => Omit<Problem, "at"> | null;

function field(name: Field, { kit }: PlacedKit): Names {
  return { path: [name], names: kit[name] };
}

function choices({ kit }: PlacedKit): readonly Names[] {
  return (kit.variants ?? []).map(({ name, models }) => ({ path: ["variants", name], names: models }));
}

function eachWrong({ document }: PlacedKit, { path, names }: Names, judge: Judge): readonly Problem[] {
  return names.flatMap((name, index) => {
    const wrong = judge(name);
    return wrong === null ? [] : [{ at: document.placeOf([...path, index]), ...wrong }];
  });
}

/** @param before names that are there in any case */
function createRepeated(before: readonly string[] = []): Judge {
  const seen = new Set<string>(before);
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
