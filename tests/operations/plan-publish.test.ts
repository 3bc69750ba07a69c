/** Decides what will be done about each model on its way into a bucket. */
import { describe, expect, it } from "vitest";
import type { Sha256 } from "../../src/base/artifact.ts";
import { conflictError, type PublishFact, planPublish } from "../../src/operations/plan-publish.ts";

const SHA = "ab".repeat(32) as Sha256;
const OTHER = "cd".repeat(32) as Sha256;
const fact: PublishFact = {
  model: "ae",
  path: "vae/ae.safetensors",
  to: "r2://kits/vae/ae.safetensors",
  size: 1000,
  sha256: SHA,
  from: ["/models/vae/ae.safetensors"],
  object: null,
  resumableBytes: 0,
};
const object = { size: 1000, etag: "e", sha256: SHA };

describe("planPublish()", () => {
  it.each([
    ["sends what is not there", {}, false, "send", 1000],
    ["goes on with what an earlier run began", { resumableBytes: 600 }, false, "resume", 400],
    ["leaves alone what is there with this digest", { object }, false, "present", 0],
    ["refuses another content", { object: { ...object, sha256: OTHER } }, false, "refuse", 0],
    ["refuses another size", { object: { ...object, size: 999 } }, false, "refuse", 0],
    ["refuses an object of which nobody knows what it is", { object: { ...object, sha256: null } }, false, "refuse", 0],
    ["replaces another content when forced", { object: { ...object, sha256: OTHER } }, true, "replace", 1000],
    ["does not replace what is right, even forced", { object }, true, "present", 0],
  ] as const)("%s", (_title, more, force, action, sendBytes) => {
    const plan = planPublish([{ ...fact, ...more }], { force });
    expect(plan).toMatchObject({ sendBytes, lines: [{ action, sendBytes }] });
  });

  it("adds up what is to be sent", () => {
    expect(planPublish([fact, { ...fact, object }, { ...fact, resumableBytes: 1 }], { force: false }).sendBytes).toBe(
      1999,
    );
  });
});

describe("conflictError()", () => {
  it.each([
    [{ ...object, size: 5 }, /5 bytes\) are there, this has 1000 bytes/],
    [{ ...object, sha256: OTHER }, new RegExp(`it holds sha256 ${OTHER}, this is ${SHA}`)],
    [{ ...object, sha256: null }, /nothing says what it holds/],
  ])("tells both figures: %j", (there, message) => {
    const [line] = planPublish([{ ...fact, object: there }], { force: false }).lines;
    if (line === undefined) throw new Error("no line");
    expect(conflictError(line)).toMatchObject({ code: "BUCKET_CONFLICT", message: expect.stringMatching(message) });
  });
});
