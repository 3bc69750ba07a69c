/** createTally(): what a run has moved adds up, also for files that never became whole. */
import { describe, expect, it } from "vitest";
import { ModelsError } from "../../src/base/errors.ts";
import { createTally } from "../../src/operations/tally.ts";

describe("createTally()", () => {
  it("adds up what every file moved, whole or not", () => {
    const tally = createTally();
    const hub = { label: "hub", bytes: 104, bytesPerSecond: 104, errors: 1 };
    tally.moved({ shares: [hub], fetchedBytes: 104, wastedBytes: 4 });
    tally.moved({ shares: [{ ...hub, bytes: 30, errors: 2 }], fetchedBytes: 30, wastedBytes: 0 });
    tally.failed({ model: "broken", path: "broken", error: new ModelsError("NO_MIRROR", "gone") });
    tally.reused(9);
    const summary = tally.summary(2, 1000);
    expect(summary).toMatchObject({ ok: false, models: 2, fetchedBytes: 134, wastedBytes: 4, reusedBytes: 9 });
    expect(summary.mirrors).toMatchObject([{ label: "hub", bytes: 134, errors: 3 }]);
  });
});
