/** createTally(): what a run has moved adds up, also for files that never became whole. */
import { describe, expect, it } from "vitest";
import { ModelsError } from "../../src/base/errors.ts";
import { createTally } from "../../src/operations/tally.ts";

const progress = (model: string, doneBytes: number) =>
  ({
    kind: "progress",
    bytesPerSecond: 1,
    files: [{ model, doneBytes, size: 100, bytesPerSecond: 1, mirrors: [] }],
  }) as const;
const started = (model: string, resumedBytes: number) =>
  ({ kind: "file-started", model, path: model, size: 100, resumedBytes }) as const;

describe("createTally()", () => {
  it("counts what arrived whole by its own account, and the rest by its progress", () => {
    const tally = createTally();
    tally.watch(started("whole", 0));
    tally.watch(progress("whole", 90));
    tally.moved("whole", {
      shares: [{ label: "hub", bytes: 104, bytesPerSecond: 104, errors: 1 }],
      fetchedBytes: 104,
      wastedBytes: 4,
    });
    tally.watch(started("broken", 40));
    tally.watch(progress("broken", 70));
    tally.failed({ model: "broken", path: "broken", error: new ModelsError("NO_MIRROR", "gone") });
    tally.reused(9);
    expect(tally.summary(2, 1000)).toEqual({
      kind: "summary",
      ok: false,
      models: 2,
      fetchedBytes: 104 + 30,
      wastedBytes: 4,
      reusedBytes: 9,
      elapsedMs: 1000,
      mirrors: [{ label: "hub", bytes: 104, bytesPerSecond: 104, errors: 1 }],
    });
  });
});
