/** Which kits include themselves, by way of others. */
import type { Problem } from "../base/errors.ts";
import type { PlacedKit } from "./kit.ts";

/** Circles can be as many as includes, and each as long as there are kits. */
const MAX_CIRCLES = 50;
const MAX_SHOWN = 20;

interface Step {
  readonly placed: PlacedKit;
  /** Which of its includes is followed next. */
  next: number;
}

/** Each include that closes a circle, once. Depth first without recursion: a chain may be as long as there are kits. */
export function findCircles(kits: ReadonlyMap<string, PlacedKit>): readonly Problem[] {
  const problems: Problem[] = [];
  const isSeen = new Set<string>();
  for (const start of kits.values()) {
    const way: Step[] = [];
    const onWay = new Set<string>();
    const enter = (placed: PlacedKit): void => {
      if (isSeen.size === isSeen.add(placed.kit.name).size) return;
      way.push({ placed, next: 0 });
      onWay.add(placed.kit.name);
    };
    enter(start);
    for (let step = way.at(-1); step !== undefined; step = way.at(-1)) {
      const included = step.placed.kit.includes[step.next];
      step.next += 1;
      if (included === undefined) onWay.delete(way.pop()?.placed.kit.name ?? "");
      else if (onWay.has(included)) {
        problems.push(circle(way, included));
        if (problems.length === MAX_CIRCLES) return problems;
      } else {
        const placed = kits.get(included);
        if (placed !== undefined) enter(placed);
      }
    }
  }
  return problems;
}

/** The last step of `way` includes `closing`, which is one of the steps before it. */
function circle(way: readonly Step[], closing: string): Problem {
  const names = way.map(({ placed }) => placed.kit.name);
  const around = [...names.slice(names.indexOf(closing)), closing];
  const shown = around.length <= MAX_SHOWN ? around : [...around.slice(0, MAX_SHOWN - 2), "…", ...around.slice(-2)];
  const last = way.at(-1);
  return {
    at: last?.placed.document.placeOf(["includes", last.next - 1]) ?? "",
    message: `the kits include each other in a circle: ${shown.join(" -> ")}`,
    fix: "remove one of these includes",
  };
}
