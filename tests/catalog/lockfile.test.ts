import { link, readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Sha256 } from "../../src/base/artifact.ts";
import { isModelsError } from "../../src/base/errors.ts";
import { collisionKey, type TreePath, treePathProblem } from "../../src/base/paths.ts";
import { processName } from "../../src/base/process.ts";
import {
  formatLock,
  type Lock,
  type LockedModel,
  lockDrift,
  mergeLock,
  parseLock,
  pinModels,
  readLock,
  sweepBeside,
  writeLock,
} from "../../src/catalog/lockfile.ts";
import type { Model } from "../../src/catalog/model.ts";
import { readPlainYaml } from "../../src/catalog/plain-yaml.ts";
import { digest, folderOf, problemsOf } from "./texts.ts";

const locked = (name: string, more: Partial<LockedModel> = {}): LockedModel => ({
  name,
  path: `loras/${name}.safetensors` as TreePath,
  size: 10,
  sha256: digest(1) as Sha256,
  sources: [`hf://o/r@main/${name}`],
  ...more,
});
const lockOf = (...models: readonly LockedModel[]): Lock => mergeLock(null, models);
const model = (name: string, more: Partial<Model> = {}): Model => ({
  ...locked(name),
  aliases: [],
  digestFrom: null,
  license: null,
  gated: false,
  pieces: null,
  at: `m.yaml:3:5`,
  ...more,
});

describe("writeLock()", () => {
  it("writes readable YAML in the order of names", async () => {
    const folder = await folderOf({});
    const file = join(folder, "models.lock.yaml");
    await writeLock(file, lockOf(locked("b", { sources: [] }), locked("a", { path: "a b/null" as TreePath })));
    expect(
      await readFile(file, "utf8"),
    ).toBe(`# Written by \`models lock\`: what each model is, byte for byte, and where it was found.
version: 1
models:
  - name: a
    path: "a b/null"
    size: 10
    sha256: ${digest(1)}
    sources:
      - hf://o/r@main/a
  - name: b
    path: loras/b.safetensors
    size: 10
    sha256: ${digest(1)}
    sources: []
`);
  });

  it("replaces the file at once, leaves nothing beside it, and keeps a link to it", async () => {
    const folder = await folderOf({ "models.lock.yaml": formatLock(lockOf()) });
    const file = join(folder, "models.lock.yaml");
    await link(file, join(folder, "old"));
    await symlink("models.lock.yaml", join(folder, "linked.yaml"));
    await writeLock(join(folder, "linked.yaml"), lockOf(locked("a")));
    expect((await readLock(file))?.models.size).toBe(1);
    expect((await readLock(join(folder, "old")))?.models.size).toBe(0);
    expect((await readdir(folder)).sort()).toEqual(["linked.yaml", "models.lock.yaml", "old"]);
  });

  it("leaves a file alone that says the same", async () => {
    const file = join(await folderOf({}), "models.lock.yaml");
    await writeLock(file, lockOf(locked("a")));
    const before = await stat(file);
    await writeLock(file, lockOf(locked("a")));
    expect((await stat(file)).ino).toBe(before.ino);
  });

  it("leaves nothing beside the lockfile for good when a process is killed while it writes", async () => {
    const folder = await folderOf({});
    const dead = `.models.lock.yaml.${processName().replace(/\d+$/, "1")}.x.tmp`;
    const alive = `.models.lock.yaml.${processName()}.x.tmp`;
    for (const name of [dead, alive, ".models.lock.yaml.mine", "notes.tmp"]) await writeFile(join(folder, name), "x");
    await sweepBeside(join(folder, "models.lock.yaml"));
    expect((await readdir(folder)).sort()).toEqual([alive, ".models.lock.yaml.mine", "notes.tmp"].sort());
  });

  it("blames the disk when it cannot write", async () => {
    const folder = await folderOf({});
    const error = await writeLock(join(folder, "no/models.lock.yaml"), lockOf()).catch((thrown: unknown) => thrown);
    expect(isModelsError(error, "DISK_FAILED")).toBe(true);
    expect(await readdir(folder)).toEqual([]);
  });
});

describe("readLock()", () => {
  it("gives null without a file", async () => {
    expect(await readLock(join(await folderOf({}), "models.lock.yaml"))).toBeNull();
  });

  it("tells every mistake at its place", async () => {
    const text = `version: 1
models:
  - name: a
    path: ../a
    size: 10
    sha256: ${digest(1)}
    sources: [x]
  - name: b
    path: b
    sha256: null
    sources: []
`;
    expect(await problemsOf(() => parseLock(text, "l.yaml"))).toEqual([
      'l.yaml:4:11 path "../a" cannot be used: it has a ".." part | write a relative path with forward slashes, such as loras/name.safetensors',
      expect.stringMatching(/^l\.yaml:7:15 item 1 of sources has no scheme, expected one of hf/),
      'l.yaml:8:5 item 2 of models has no "size" | add size:',
      "l.yaml:10:13 sha256 is empty, expected text",
    ]);
  });

  it("refuses a name or a path that is there twice", async () => {
    const twice = [locked("a"), locked("a"), locked("b", { path: "LORAS/a.safetensors" as TreePath })].map(
      (one) => formatLock(lockOf(one)).split("models:\n")[1],
    );
    expect(await problemsOf(() => parseLock(`version: 1\nmodels:\n${twice.join("")}`, "l.yaml"))).toEqual([
      'l.yaml:9:11 the name "a" is there twice | run `models lock`',
      'l.yaml:16:11 the path "LORAS/a.safetensors" is there twice | run `models lock`',
    ]);
  });

  it("gives back what was written, whatever the names are, and the same text again", async () => {
    const path = fc
      .oneof(
        fc.string({ unit: "grapheme", maxLength: 30 }),
        fc.constantFrom("a: b", "null", "1e5", "a #b", "'", "é/ü", "-", "[x]"),
      )
      .filter((text) => treePathProblem(text) === null);
    const entry = fc.record({
      name: fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._+@-]{0,20}$/),
      path: path as fc.Arbitrary<TreePath>,
      size: fc.maxSafeNat(),
      sha256: fc.stringMatching(/^[0-9a-f]{64}$/) as fc.Arbitrary<Sha256>,
      sources: fc.array(
        fc.constantFrom("hf://o/r@main/a b", "r2://b/k%20?", "https://h/x?a=b#c", "file:///x:y", "s3://b/é"),
      ),
    });
    const entries = fc.uniqueArray(entry, {
      maxLength: 5,
      comparator: (a, b) => a.name === b.name || collisionKey(a.path) === collisionKey(b.path),
    });
    const byName = (lock: Lock): readonly LockedModel[] =>
      [...lock.models.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    await fc.assert(
      fc.asyncProperty(entries, async (models) => {
        const lock = lockOf(...models);
        const text = formatLock(lock);
        const back = await parseLock(text, "l.yaml");
        expect(byName(back)).toEqual(byName(lock));
        expect(formatLock(back)).toBe(text);
      }),
      { numRuns: 500 },
    );
  });

  it("reads what usual names make without the yaml package", () => {
    expect(readPlainYaml(formatLock(lockOf(locked("4x-ultrasharp"), locked("b"))))).toHaveProperty("root");
  });

  it("throws only LOCKFILE_INVALID for any bytes", async () => {
    const file = join(await folderOf({}), "models.lock.yaml");
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.uint8Array(),
          fc.string().map((text) => Buffer.from(`version: 1\nmodels:${text}`)),
        ),
        async (bytes) => {
          await writeFile(file, bytes);
          const error = await readLock(file).then(
            () => null,
            (thrown: unknown) => thrown,
          );
          expect(error === null || isModelsError(error, "LOCKFILE_INVALID")).toBe(true);
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe("mergeLock()", () => {
  it("replaces entries by name and keeps the others", () => {
    const merged = mergeLock(lockOf(locked("a"), locked("b")), [locked("b", { size: 99 }), locked("c")]);
    expect([...merged.models.values()].map(({ name, size }) => [name, size])).toEqual([
      ["a", 10],
      ["b", 99],
      ["c", 10],
    ]);
  });
});

describe("lockDrift()", () => {
  it("finds a missing entry and every figure that differs", () => {
    const lock = lockOf(locked("a"));
    const changed = model("a", { size: 11, sha256: digest(2) as Sha256, path: "x" as TreePath });
    const fix = "run `models lock` if the manifest is right";
    expect(lockDrift(lock, [changed, model("b")])).toEqual([
      { at: "m.yaml:3:5", message: '"a" has the path x, the lockfile has loras/a.safetensors', fix },
      { at: "m.yaml:3:5", message: '"a" has the size 11, the lockfile has 10', fix },
      { at: "m.yaml:3:5", message: `"a" has the sha256 ${digest(2)}, the lockfile has ${digest(1)}`, fix },
      { at: "m.yaml:3:5", message: '"b" is not in the lockfile', fix: "run `models lock`" },
    ]);
  });

  it("finds nothing where the manifest leaves figures open", () => {
    expect(lockDrift(lockOf(locked("a")), [model("a", { size: null, sha256: null })])).toEqual([]);
  });
});

describe("pinModels()", () => {
  it("takes size, digest and sources from the lock, where it has the model", () => {
    const lock = lockOf(locked("a", { sources: ["hf://o/r@abc/a"] }), locked("b", { sources: [] }));
    const open = { size: null, sha256: null, digestFrom: "single list" };
    const [a, b, c] = pinModels([model("a", open), model("b", open), model("c", open)], lock);
    expect(a).toMatchObject({ size: 10, sha256: digest(1), digestFrom: null, sources: ["hf://o/r@abc/a"] });
    expect(b).toMatchObject({ size: 10, sources: ["hf://o/r@main/b"] });
    expect(c).toEqual(model("c", open));
  });
});
