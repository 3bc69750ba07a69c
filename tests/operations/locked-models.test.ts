/** What the lockfile gives to a sync, and what a sync gives to the lockfile. */
import { describe, expect, it } from "vitest";
import { parseTreePath } from "../../src/base/paths.ts";
import type { Lock, LockedModel } from "../../src/catalog/lock.ts";
import { completedModels, frozenModels, lockable, updatedLock } from "../../src/operations/locked-models.ts";
import { model, sha } from "./catalog.ts";

const commit = "c".repeat(40);
const pinned = `hf://org/repo@${commit}/a.safetensors`;
const entry: LockedModel = {
  name: "a",
  path: parseTreePath("loras/a.safetensors"),
  size: 7,
  sha256: sha("a"),
  sources: [pinned],
};
const lock: Lock = { models: new Map([["a", entry]]) };
const open = model("a", { size: null, sources: ["hf://org/repo/a.safetensors", "https://origin.example/a"] });

describe("completedModels()", () => {
  it("takes figures and pinned sources from the lockfile, and keeps sources that it does not pin", () => {
    expect(completedModels([open], lock)[0]).toMatchObject({
      size: 7,
      sha256: sha("a"),
      sources: [pinned, "https://origin.example/a"],
    });
  });

  it("leaves a model alone that the lockfile contradicts, or does not have", () => {
    const other = model("a", { sha256: sha("b") });
    expect(completedModels([other, model("b")], lock)).toEqual([other, model("b")]);
    expect(completedModels([open], null)).toEqual([open]);
  });
});

describe("frozenModels()", () => {
  it("is exactly what is pinned", () => {
    expect(frozenModels([open], lock, "lock.yaml")[0]).toMatchObject({ size: 7, sha256: sha("a"), sources: [pinned] });
  });

  it("refuses drift with every difference, and a lockfile that is not there", () => {
    const drift = () => frozenModels([model("a", { sha256: sha("b") }), model("b")], lock, "lock.yaml");
    expect(drift).toThrow(expect.objectContaining({ code: "LOCKFILE_DRIFT" }));
    expect(drift).toThrow(/has the (size|sha256)/);
    expect(() => frozenModels([open], null, "lock.yaml")).toThrow('there is no lockfile "lock.yaml"');
  });
});

describe("updatedLock()", () => {
  it("is null when nothing is new, also when only sources differ", () => {
    expect(updatedLock(lock, [entry, { ...entry, sources: ["https://origin.example/a"] }])).toBeNull();
  });

  it("adds what is new and keeps the rest", () => {
    const added: LockedModel = { ...entry, name: "b", path: parseTreePath("loras/b.safetensors") };
    expect([...(updatedLock(lock, [added])?.models.keys() ?? [])]).toEqual(["a", "b"]);
  });
});

describe("lockable()", () => {
  it("keeps an address whose query may hide a secret out of the lockfile", () => {
    const signed = "https://origin.example/a?X-Amz-Signature=secret";
    const harmless = "https://origin.example/a?download=true";
    expect(lockable({ ...entry, sources: [pinned, signed, harmless] }).sources).toEqual([pinned, harmless]);
    expect(
      JSON.stringify([...(updatedLock(null, [{ ...entry, sources: [signed] }])?.models.values() ?? [])]),
    ).not.toContain("secret");
  });
});
