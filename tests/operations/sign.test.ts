/** Signing, as maintainers do it, with keys from files and variables. */
import { mkdtemp, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Clock } from "../../src/base/clock.ts";
import { systemClock } from "../../src/base/clock.ts";
import { isModelsError } from "../../src/base/errors.ts";
import { createModels, type Models } from "../../src/models.ts";
import { generateKey, rotateKey, showKey } from "../../src/operations/keys.ts";
import { parsePublicKey } from "../../src/trust/public-key.ts";
import { checkSignature, parseSignature } from "../../src/trust/signature.ts";
import { describeWithMinisign, minisign } from "../trust/stock.ts";

const KIT = "version: 1\nname: team\nmodels: []\n";
const MANIFEST = "version: 1\nmodels:\n  - name: a\n    path: loras/a.safetensors\n";
const LOCK = "version: 1\nmodels: []\n";
const SHA = "a".repeat(64);
const PIECES = JSON.stringify({ version: 1, size: 5, sha256: SHA, pieceBytes: 16, xxh64: ["0".repeat(16)] });

interface Desk {
  readonly folder: string;
  readonly models: Models;
  readonly write: (name: string, text: string) => Promise<string>;
  readonly read: (name: string) => Promise<string>;
}

/** A maintainer's folder with an open key `studio`, at a moment. */
async function makeDesk(files: Readonly<Record<string, string>> = {}, seconds = 1_700_000_000): Promise<Desk> {
  const folder = await mkdtemp(join(tmpdir(), "modelferry-desk-"));
  const clock: Clock = { ...systemClock, now: () => seconds * 1000 };
  const environment = { HOME: folder, KEY_TEXT: "", KEY_PASSWORD: "hush" };
  const models = createModels({ cwd: folder, environment, manifests: [], kits: [] }, { clock });
  onTestFinished(async () => {
    await models.close();
    await rm(folder, { recursive: true, force: true });
  });
  await generateKey(join(folder, "studio"), { environment, source: {}, isOpen: true });
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return {
    folder,
    models,
    write: async (name, text) => {
      await writeFile(join(folder, name), text);
      return name;
    },
    read: (name) => readFile(join(folder, name), "utf8"),
  };
}

const KEY = { key: { file: "studio.key" } };

describe("sign()", () => {
  it("tells by name and content what a file is, and binds name, version, digest and kind", async () => {
    const desk = await makeDesk({ "team.yaml": KIT, "m.yaml": MANIFEST, "models.lock.yaml": LOCK, "x.pieces": PIECES });
    const { files } = await desk.models.sign(["team.yaml", "m.yaml", "models.lock.yaml", "x.pieces"], KEY);
    expect(files.map(({ kind, name, version }) => [kind, name, version])).toEqual([
      ["kit", "team", 1_700_000_000],
      ["manifest", "m", 1_700_000_000],
      ["lockfile", "models.lock", 1_700_000_000],
      ["pieces", "x", 1_700_000_000],
    ]);
    const key = parsePublicKey(await desk.read("studio.pub"), "studio.pub");
    for (const { file, sha256, kind, name } of files) {
      const signature = parseSignature(await readFile(`${file}.minisig`, "utf8"), file);
      expect(signature.comment).toBe(`kit=${name} version=1700000000 sha256=${sha256} kind=${kind}`);
      expect(checkSignature(signature, await readFile(file), key)).toBeNull();
    }
  });

  it("counts up, leaves the signature of an unchanged file alone, and takes a serial", async () => {
    const desk = await makeDesk({ "team.yaml": KIT });
    const version = async (asked?: number): Promise<number | undefined> =>
      (await desk.models.sign(["team.yaml"], { ...KEY, ...(asked !== undefined && { version: asked }) })).files[0]
        ?.version;
    expect(await version()).toBe(1_700_000_000);
    const first = await desk.read("team.yaml.minisig");
    expect(await version()).toBe(1_700_000_000);
    expect(await desk.read("team.yaml.minisig")).toBe(first);
    await desk.write("team.yaml", `${KIT}# more\n`);
    expect(await version()).toBe(1_700_000_001);
    expect(await version(9)).toBe(9);
  });

  it("does not let a planted signature decide how far the version jumps", async () => {
    const desk = await makeDesk({ "team.yaml": KIT });
    await desk.models.sign(["team.yaml"], { ...KEY, version: 999_999_999_999_999 });
    await generateKey(join(desk.folder, "other"), { environment: {}, source: {}, isOpen: true });
    await desk.write("team.yaml", `${KIT}# more\n`);
    const report = await desk.models.sign(["team.yaml"], { key: { file: "other.key" } });
    expect(report.files[0]?.version).toBe(1_700_000_000);
  });

  it("signs nothing when one of the files is not in order", async () => {
    const desk = await makeDesk({ "m.yaml": MANIFEST, "bad.yaml": "version: 1\nmodels: 3\n", "other.yaml": KIT });
    await expect(desk.models.sign(["m.yaml", "bad.yaml"], KEY)).rejects.toMatchObject({ code: "MANIFEST_INVALID" });
    await expect(desk.read("m.yaml.minisig")).rejects.toMatchObject({ code: "ENOENT" });
    await expect(desk.models.sign(["other.yaml"], KEY)).rejects.toMatchObject({
      code: "USAGE",
      message: expect.stringContaining('it calls itself "team"'),
      fix: "rename the file to team.yaml",
    });
    await expect(desk.models.sign(["nope.yaml"], KEY)).rejects.toMatchObject({ code: "USAGE" });
  });
});

describe("the secret key", () => {
  it("comes from a variable by its name, whole or as its one line, and never shows", async () => {
    const desk = await makeDesk({ "team.yaml": KIT });
    const text = await desk.read("studio.key");
    const payload = text.split("\n")[1] ?? "";
    for (const value of [text, payload]) {
      const models = createModels({ cwd: desk.folder, environment: { SIGNING_KEY: value }, manifests: [], kits: [] });
      const report = await models.sign(["team.yaml"], { key: { variable: "SIGNING_KEY" } });
      expect(JSON.stringify(report)).not.toContain(payload.slice(20, 60));
    }
    await expect(desk.models.sign(["team.yaml"], { key: { variable: "NOT_SET" } })).rejects.toMatchObject({
      code: "KEY_INVALID",
      message: 'Cannot use secret key "$NOT_SET": the variable is not set',
    });
  });

  it("is not quoted where somebody writes it in the place of its name", async () => {
    const desk = await makeDesk({ "team.yaml": KIT });
    const payload = (await desk.read("studio.key")).split("\n")[1] ?? "";
    for (const key of [{ file: payload }, { variable: payload }, {}, { file: "a", variable: "B" }]) {
      const error: unknown = await desk.models.sign(["team.yaml"], { key }).catch((thrown: unknown) => thrown);
      expect(isModelsError(error, "USAGE")).toBe(true);
      expect(JSON.stringify(error) + String(error)).not.toContain(payload.slice(20, 60));
    }
  });

  it("is written for its owner alone, and never over another", async () => {
    const desk = await makeDesk();
    expect((await stat(join(desk.folder, "studio.key"))).mode & 0o777).toBe(0o600);
    const again = generateKey(join(desk.folder, "studio"), { environment: {}, source: {}, isOpen: true });
    await expect(again).rejects.toMatchObject({
      code: "KEY_INVALID",
      message: expect.stringContaining("never overwritten"),
    });
    const bare = generateKey(join(desk.folder, "next"), { environment: {}, source: {} });
    await expect(bare).rejects.toMatchObject({ code: "USAGE", fix: expect.stringContaining("MODELS_KEY_PASSWORD") });
  });

  it("can have a password, which minisign's own cost protects", async () => {
    const desk = await makeDesk({ "team.yaml": KIT });
    const source = { passwordVariable: "KEY_PASSWORD" };
    const { key } = await generateKey(join(desk.folder, "safe"), { environment: { KEY_PASSWORD: "hush" }, source });
    expect((await desk.models.sign(["team.yaml"], { key: { file: "safe.key", ...source } })).key).toBe(key?.id);
    await expect(desk.models.sign(["team.yaml"], { key: { file: "safe.key" } })).rejects.toMatchObject({
      message: expect.stringContaining("it has a password"),
    });
  });
});

describe("rotateKey()", () => {
  it("makes the new key and has the old one sign it; a key that is there is signed as it is", async () => {
    const desk = await makeDesk();
    const old = await showKey(join(desk.folder, "studio.pub"), {}, {});
    const options = {
      environment: {},
      source: { file: join(desk.folder, "studio.key") },
      isOpen: true,
      clock: systemClock,
    };
    const made = await rotateKey(join(desk.folder, "next"), options);
    expect(made).toMatchObject({
      signedBy: old.id,
      signed: { kind: "key", name: "next" },
      generated: { hasPassword: false },
    });
    const signature = parseSignature(await desk.read("next.pub.minisig"), "x");
    const key = parsePublicKey(old.publicKey, "x");
    expect(checkSignature(signature, Buffer.from(await desk.read("next.pub")), key)).toBeNull();
    const again = await rotateKey(join(desk.folder, "next"), options);
    expect(again).toMatchObject({ generated: null, key: { id: made.key.id } });
  });
});

describe("signModel()", () => {
  it("signs a folder and a file, and refuses links, which could lead anywhere", async () => {
    const desk = await makeDesk({ "a.bin": "hello" });
    await generateKey(join(desk.folder, "ec"), { environment: {}, source: {}, isOpen: true, format: "model-signing" });
    const key = { file: "ec.key" };
    const one = await desk.models.signModel("a.bin", { key });
    expect(one).toMatchObject({ model: "a.bin", files: [{ name: "." }], signature: join(desk.folder, "a.bin.sig") });
    const all = await desk.models.signModel(".", { key, out: "model.sig" });
    expect(all.files.map(({ name }) => name).sort()).toEqual([
      "a.bin",
      "a.bin.sig",
      "ec.key",
      "ec.pub",
      "studio.key",
      "studio.pub",
    ]);
    expect((await desk.models.signModel(".", { key, out: "model.sig" })).files).toHaveLength(6);
    await symlink("/etc/passwd", join(desk.folder, "link.bin"));
    await expect(desk.models.signModel(".", { key, out: "model.sig" })).rejects.toMatchObject({
      code: "USAGE",
      message: expect.stringContaining("it is a link or a device"),
    });
    await expect(desk.models.signModel("a.bin", KEY)).rejects.toMatchObject({ code: "KEY_INVALID" });
  });
});

describeWithMinisign("the stock minisign and models sign", () => {
  it("minisign verifies what was signed, and what minisign signed with the right words counts", async () => {
    const desk = await makeDesk({ "team.yaml": KIT });
    const { files } = await desk.models.sign(["team.yaml"], KEY);
    expect(minisign(desk.folder, ["-V", "-p", "studio.pub", "-m", "team.yaml"])).toMatchObject({ code: 0 });
    const words = `kit=team version=5 sha256=${files[0]?.sha256}`;
    const signed = minisign(desk.folder, ["-S", "-s", "studio.key", "-m", "team.yaml", "-t", words]);
    expect(signed).toMatchObject({ code: 0 });
    const { publicKey } = await showKey(join(desk.folder, "studio.pub"), {}, {});
    await desk.write("models.config.yaml", `trust: { keys: [{ name: studio, key: ${publicKey} }] }\n`);
    const box = createModels({ cwd: desk.folder, environment: {}, manifests: [], kits: ["team.yaml"] });
    expect((await box.catalog()).kits.has("team")).toBe(true);
    await desk.write("team.yaml", `${KIT}# more\n`);
    const late = createModels({ cwd: desk.folder, environment: {}, manifests: [], kits: ["team.yaml"] });
    await expect(late.catalog()).rejects.toMatchObject({ code: "SIGNATURE_INVALID" });
  });
});
