/** agreeOnFigures(): who must agree before the first byte, and what is said when they do not. */
import { describe, expect, it } from "vitest";
import { parseSha256 } from "../../src/base/artifact.ts";
import { type ErrorCode, ModelsError } from "../../src/base/errors.ts";
import type { Mirror } from "../../src/base/mirror.ts";
import { agreeOnFigures, type Dropped, noMirrorError, pinnedSources } from "../../src/operations/figures.ts";

const a = parseSha256("a".repeat(64));
const b = parseSha256("b".repeat(64));
const commit = "c".repeat(40);

const mirror = (label: string, over: Partial<Mirror> = {}): Mirror => ({
  label,
  source: `https://${label}/x`,
  size: 10,
  sha256: null,
  revision: null,
  whole: null,
  open: () => Promise.reject(new Error("not opened here")),
  ...over,
});

const dropped = (label: string, code: ErrorCode): Dropped => ({
  source: `https://${label}/x`,
  label,
  error: new ModelsError(code, `${label} failed`),
});

const model = { name: "flux", size: 10, sha256: a, digestFrom: null };
const open = { ...model, size: null, sha256: null };

describe("agreeOnFigures()", () => {
  it("keeps the manifest's figures", () => {
    expect(agreeOnFigures(model, [mirror("one")], [])).toEqual({ size: 10, sha256: a });
  });

  it("takes what the manifest leaves open from the mirrors", () => {
    expect(agreeOnFigures(open, [mirror("one"), mirror("two", { sha256: b })], [])).toEqual({ size: 10, sha256: b });
  });

  it("knows when nobody declares a digest", () => {
    expect(agreeOnFigures(open, [mirror("one")], []).sha256).toBeNull();
  });

  it("refuses mirrors that differ, with both figures", () => {
    const two = [mirror("one", { sha256: a }), mirror("two", { sha256: b })];
    expect(() => agreeOnFigures(open, two, [])).toThrow(`one says ${a}, two says ${b}`);
    expect(() => agreeOnFigures(open, [mirror("one"), mirror("two", { size: 11 })], [])).toThrow(
      "one says 10, two says 11",
    );
  });

  it("stops at one word against a digest that a single list gave", () => {
    const candidate = { ...model, digestFrom: "single list" };
    const against = [dropped("hub", "DIGEST_CONTRADICTION")];
    expect(() => agreeOnFigures(candidate, [mirror("r2")], against)).toThrow("hub failed");
    expect(agreeOnFigures(candidate, [mirror("r2", { sha256: a })], against).sha256).toBe(a);
    expect(agreeOnFigures(model, [mirror("r2")], against).sha256).toBe(a);
  });

  it("does not put figures to the vote when the manifest has none", () => {
    expect(() =>
      agreeOnFigures(open, [mirror("one", { sha256: a })], [dropped("two", "DIGEST_CONTRADICTION")]),
    ).toThrow("two failed");
    expect(() => agreeOnFigures(open, [mirror("one")], [dropped("two", "MIRROR_LIED")])).toThrow("two failed");
  });
});

describe("noMirrorError()", () => {
  it("names what a person can act on before what is merely absent", () => {
    const error = noMirrorError(model, [dropped("r2", "SOURCE_NOT_FOUND"), dropped("hub", "SOURCE_GATED")]);
    expect(error).toMatchObject({
      code: "SOURCE_GATED",
      message: 'Cannot fetch "flux": hub failed (and 1 more source failed)',
    });
    expect(error.problems).toHaveLength(2);
  });

  it("is NO_MIRROR when every source lacks the file, or there is none", () => {
    expect(noMirrorError(model, [dropped("r2", "SOURCE_NOT_FOUND")]).code).toBe("NO_MIRROR");
    expect(noMirrorError(model, []).message).toBe('Cannot fetch "flux": it has no source');
  });
});

describe("pinnedSources()", () => {
  it("pins the model's own sources only", () => {
    const sources = ["hf://org/repo/x y", "https://host/x", "hf://org/gone@main/x"];
    const mirrors = [mirror("hub", { source: "hf://org/repo@main/x%20y", revision: commit }), mirror("config")];
    expect(pinnedSources({ sources }, mirrors)).toEqual([
      `hf://org/repo@${commit}/x%20y`,
      "https://host/x",
      "hf://org/gone@main/x",
    ]);
  });
});
