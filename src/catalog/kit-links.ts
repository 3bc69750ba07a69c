/** Whether every name in a kit leads somewhere, once, and not back to the kit itself. */
import { didYouMean } from "../base/did-you-mean.ts";
import type { Problem } from "../base/errors.ts";
import type { PlacedKit } from "./kit.ts";

type Field = "includes" | "models";

/** Each suggestion walks all names; a catalogue with more wrong names than this has another problem. */
const MAX_SUGGESTIONS = 50;

/** Unknown names, names that are there twice, and circles of includes. */
export function findKitProblems(
  kits: ReadonlyMap<string, PlacedKit>,
  models: ReadonlyMap<string, unknown>,
): readonly Problem[] {
  let suggestions = 0;
  const suggest = (name: string, known: Iterable<string>): string | undefined => {
    suggestions += 1;
    return suggestions <= MAX_SUGGESTIONS ? didYouMean(name, known) : undefined;
  };
  const problems: Problem[] = [];
  for (const placed of kits.values()) {
    problems.push(...repeated(placed, "includes"), ...repeated(placed, "models"));
    for (const [index, name] of placed.kit.includes.entries()) {
      if (kits.has(name)) continue;
      const fix = suggest(name, kits.keys()) ?? "correct the name, or add the kit";
      problems.push({ at: placeOf(placed, "includes", index), message: `no kit is named "${name}"`, fix });
    }
    for (const [index, name] of placed.kit.models.entries()) {
      if (models.has(name)) continue;
      const fix = suggest(name, models.keys()) ?? "correct the name, or add the model to a manifest";
      problems.push({ at: placeOf(placed, "models", index), message: `no manifest has a model "${name}"`, fix });
    }
  }
  return [...problems, ...findCycles(kits)];
}

function repeated(placed: PlacedKit, field: Field): readonly Problem[] {
  const seen = new Set<string>();
  return placed.kit[field].flatMap((name, index) => {
    if (seen.size < seen.add(name).size) return [];
    const message = `"${name}" is there twice`;
    return [{ at: placeOf(placed, field, index), message, fix: "remove one of the two" }];
  });
}

/** Depth first without recursion: a chain of includes may be as long as there are kits. */
function findCycles(kits: ReadonlyMap<string, PlacedKit>): readonly Problem[] {
  const problems: Problem[] = [];
  const isDone = new Set<string>();
  for (const start of kits.values()) {
    const way = new Map<string, { readonly placed: PlacedKit; next: number }>();
    if (!isDone.has(start.kit.name)) way.set(start.kit.name, { placed: start, next: 0 });
    const names = [...way.keys()];
    for (let name = names.at(-1); name !== undefined; name = names.at(-1)) {
      const step = way.get(name);
      const included = step?.placed.kit.includes[step.next];
      if (step === undefined || included === undefined) {
        names.pop();
        way.delete(name);
        isDone.add(name);
        continue;
      }
      step.next += 1;
      const placed = kits.get(included);
      if (way.has(included)) problems.push(cycle(step.placed, step.next - 1, names.slice(names.indexOf(included))));
      else if (placed !== undefined && !isDone.has(included)) {
        way.set(included, { placed, next: 0 });
        names.push(included);
      }
    }
  }
  return problems;
}

function cycle(placed: PlacedKit, index: number, names: readonly string[]): Problem {
  return {
    at: placeOf(placed, "includes", index),
    message: `the kits include each other in a circle: ${[...names, names[0]].join(" -> ")}`,
    fix: "remove one of these includes",
  };
}

function placeOf({ document }: PlacedKit, field: Field, index: number): string {
  return document.placeOf([field, index]);
}
