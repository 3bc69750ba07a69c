/** Which parts of `src` have run, from V8's own counters. */
import { type Profiler, Session } from "node:inspector";

export interface Coverage {
  /** What ran since the last question and never before; it counts as seen from now on when `isKept`. */
  readonly news: (isKept: boolean) => number;
  readonly size: () => number;
  readonly stop: () => void;
}

/** Counts by place and by order of magnitude, so that a loop that runs far more often is news as well. */
export function watchCoverage(): Coverage {
  const session = new Session();
  session.connect();
  session.post("Profiler.enable");
  session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
  const seen = new Set<string>();
  const take = (): readonly Profiler.ScriptCoverage[] => {
    let result: readonly Profiler.ScriptCoverage[] = [];
    session.post("Profiler.takePreciseCoverage", (_error, taken) => {
      result = taken?.result ?? [];
    });
    return result.filter(({ url }) => /\/src\/[^?]*\.ts/.test(url));
  };
  return {
    news: (isKept) => {
      const fresh = take()
        .flatMap(keysOf)
        .filter((key) => !seen.has(key));
      if (isKept) for (const key of fresh) seen.add(key);
      return fresh.length;
    },
    size: () => seen.size,
    stop: () => session.disconnect(),
  };
}

function keysOf({ scriptId, functions }: Profiler.ScriptCoverage): readonly string[] {
  return functions.flatMap(({ ranges }) =>
    ranges.flatMap(({ startOffset, endOffset, count }) =>
      count === 0 ? [] : [`${scriptId}:${startOffset}-${endOffset}:${Math.min(4, Math.floor(Math.log10(count)))}`],
    ),
  );
}
