/** failuresError(): the worst failure decides, and none is lost. */
import { describe, expect, it } from "vitest";
import { type ErrorCode, ModelsError } from "../../src/base/errors.ts";
import { asModelsError, type Failure, failuresError, worstOf } from "../../src/operations/failures.ts";

const failure = (model: string, code: ErrorCode): Failure => ({
  model,
  path: `vae/${model}`,
  error: new ModelsError(code, `Cannot fetch "${model}"`, { fix: `mend ${model}` }),
});

describe("failuresError()", () => {
  it("is null when nothing failed", () => {
    expect(failuresError("sync", [], 3)).toBeNull();
  });

  it("gives a single failure back unchanged", () => {
    const one = failure("a", "NO_MIRROR");
    expect(failuresError("sync", [one], 3)).toBe(one.error);
  });

  it("takes code and fix of the worst and lists every failure", () => {
    const error = failuresError("sync", [failure("a", "NO_MIRROR"), failure("b", "DIGEST_MISMATCH")], 3);
    expect(error).toMatchObject({ code: "DIGEST_MISMATCH", fix: "mend b" });
    expect(error?.message).toBe('Cannot sync 2 of 3 models: Cannot fetch "b", and 1 more');
    expect(error?.problems.map((problem) => problem.at)).toEqual(["a", "b"]);
  });
});

describe("worstOf()", () => {
  it.each<readonly [ErrorCode, ErrorCode]>([
    ["INTERRUPTED", "DIGEST_MISMATCH"],
    ["DIGEST_MISMATCH", "DISK_FULL"],
    ["DISK_FULL", "NO_MIRROR"],
  ])("%s outweighs %s", (worse, milder) => {
    expect(worstOf([failure("a", milder), failure("b", worse)])?.error.code).toBe(worse);
  });
});

describe("asModelsError()", () => {
  it("blames the disk for what the system throws, and keeps the cause", () => {
    const full = Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" });
    expect(asModelsError(full, "place", "vae/a")).toMatchObject({ code: "DISK_FULL", cause: full });
    expect(asModelsError(new Error("EIO"), "place", "vae/a").code).toBe("DISK_FAILED");
  });
});
