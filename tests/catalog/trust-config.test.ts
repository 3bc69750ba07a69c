/** `trust:` in a config: every mistake at its place, and no secret in any of them. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isModelsError } from "../../src/base/errors.ts";
import { readConfig } from "../../src/catalog/config.ts";
import type { Config } from "../../src/settings.ts";
import { PLAIN } from "../trust/vectors.ts";
import { folderOf, problemsOf } from "./texts.ts";

const KEY = PLAIN.publicKey;

async function read(text: string): Promise<Config & { readonly folder: string }> {
  const folder = await folderOf({ "models.config.yaml": text });
  return { ...(await readConfig(join(folder, "models.config.yaml"))), folder };
}

const problems = (text: string): Promise<readonly string[]> => problemsOf(() => read(text));

describe("trust: in a config", () => {
  it("is read with its limits, and places start at its folder", async () => {
    const { trust, folder } = await read(
      `trust:\n  keys:\n    - { name: a, key: ${KEY}, kits: [flux], paths: [loras], notAfter: 2027-01-31, revoked: true }\n    - { name: b, key: ${KEY.replace("RWS", "RWR")} }\n  rotations: [next.pub, https://host.example/next.pub]\n`,
    );
    expect(trust).toEqual({
      keys: [
        { name: "a", key: KEY, kits: ["flux"], paths: ["loras"], notAfter: Date.UTC(2027, 1, 1) - 1, isRevoked: true },
        { name: "b", key: KEY.replace("RWS", "RWR"), kits: null, paths: null, notAfter: null, isRevoked: false },
      ],
      rotations: [join(folder, "next.pub"), "https://host.example/next.pub"],
    });
  });

  it("is refused where it says nothing, or something twice", async () => {
    expect(await problems("trust: { keys: [] }\n")).toEqual([
      "models.config.yaml:1:16 keys is empty | name a key, or leave trust: out to ask for no signatures",
    ]);
    expect(await problems("trust: {}\n")).toEqual([expect.stringContaining('trust has no "keys"')]);
    const twice = `trust:\n  keys:\n    - { name: a, key: ${KEY} }\n    - { name: a, key: ${KEY} }\n`;
    expect(await problems(twice)).toEqual([
      expect.stringMatching(/:4:15 name is there twice/),
      expect.stringMatching(/:4:23 key is there twice/),
    ]);
  });

  it("takes days that exist, folders of the tree, and names", async () => {
    const withMore = (more: string): Promise<readonly string[]> =>
      problems(`trust:\n  keys:\n    - { name: a, key: ${KEY}, ${more} }\n`);
    expect(await withMore("notAfter: 2024-02-29")).toEqual([]);
    expect(await withMore("notAfter: 2026-02-30")).toEqual([expect.stringContaining("notAfter is no day")]);
    expect(await withMore("notAfter: tomorrow")).toEqual([expect.stringContaining("write it like 2027-12-31")]);
    expect(await withMore("paths: [../x]")).toHaveLength(1);
    expect(await withMore("paths: [loras/]")).toHaveLength(1);
    expect(await withMore("kits: [a b]")).toHaveLength(1);
    expect(await withMore("revokd: true")).toEqual([expect.stringContaining('did you mean "revoked"?')]);
  });

  it("does not quote what stands in the place of a public key: it may be a secret one", async () => {
    const secret = PLAIN.secretKey.split("\n")[1] ?? "";
    const error: unknown = await read(`trust: { keys: [{ name: a, key: "${secret}" }] }\n`).catch(
      (thrown: unknown) => thrown,
    );
    expect(isModelsError(error, "CONFIG_INVALID")).toBe(true);
    expect(JSON.stringify(error) + String(error)).not.toContain(secret.slice(20, 60));
  });

  it("gives ModelsError for any value, never another error", async () => {
    const folder = await folderOf({});
    const file = join(folder, "models.config.json");
    const entry = fc.record(
      {
        name: fc.oneof(fc.constant("a"), fc.jsonValue()),
        key: fc.oneof(fc.constant(KEY), fc.jsonValue()),
        kits: fc.jsonValue(),
        paths: fc.jsonValue(),
        notAfter: fc.oneof(fc.constant("2027-01-01"), fc.constant("0000-99-99"), fc.jsonValue()),
        revoked: fc.jsonValue(),
      },
      { requiredKeys: [] },
    );
    const trust = fc.record({ keys: fc.oneof(fc.array(entry), fc.jsonValue()), rotations: fc.jsonValue() });
    await fc.assert(
      fc.asyncProperty(fc.oneof(trust, fc.jsonValue()), async (value) => {
        await writeFile(file, JSON.stringify({ trust: value }));
        const error: unknown = await readConfig(file).then(
          () => null,
          (thrown: unknown) => thrown,
        );
        expect(error === null || isModelsError(error, "CONFIG_INVALID")).toBe(true);
      }),
      { numRuns: 100 },
    );
  });
});
