/** `models keys` and `models sign` as processes, and what sync, lock and check say of signatures. */
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startRangeServer } from "../origins/index.ts";
import { alterAt } from "../trust/signing.ts";
import { type Ended, runModels } from "./run-models.ts";

const WEIGHTS = Buffer.alloc(200_000, "plain bytes, neither a page nor a pickle ");

let folder = "";

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "modelferry-cli-trust-"));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

const models = (...args: readonly string[]): Promise<Ended> =>
  runModels([...args, "--no-color"], { cwd: folder, env: { HOME: folder, SIGNING_PASSWORD: "hush hush" } });

const write = async (name: string, text: string): Promise<void> => {
  await mkdir(join(folder, name, ".."), { recursive: true });
  await writeFile(join(folder, name), text);
};

describe("models keys", () => {
  it("generates a key with a password, for its owner alone, and never prints what is secret", async () => {
    const made = await models("keys", "generate", "studio", "--password-env", "SIGNING_PASSWORD");
    expect(made).toMatchObject({ code: 0, stderr: "" });
    expect(made.stdout).toMatch(/ {4}- \{ name: studio, key: RW[A-Za-z0-9+/]{54} \}/);
    expect((await stat(join(folder, "studio.key"))).mode & 0o777).toBe(0o600);
    const secret = (await readFile(join(folder, "studio.key"), "utf8")).split("\n")[1] ?? "";
    const shown = await models("keys", "show", "studio.pub", "--json");
    const locked = await models("keys", "show", "studio.key");
    expect(locked).toMatchObject({ code: 2, stderr: expect.stringContaining("it has a password") });
    const again = await models("keys", "generate", "studio", "--no-password");
    expect(again).toMatchObject({ code: 2, stderr: expect.stringContaining("never overwritten") });
    for (const { stdout, stderr } of [made, shown, locked, again]) {
      expect(stdout + stderr).not.toContain(secret.slice(10, 50));
      expect(stdout + stderr).not.toContain("hush");
    }
    expect(JSON.parse(shown.stdout)).toMatchObject({ name: "studio", id: expect.stringMatching(/^[0-9A-F]{16}$/) });
  });

  it("says what to do about a verb or a name that it cannot use", async () => {
    expect(await models("keys", "rotat", "next")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('"rotate"'),
    });
    expect(await models("keys", "generate")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("generate NAME"),
    });
    expect(await models("keys", "generate", "bare")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("--no-password"),
    });
    expect(await models("keys")).toMatchObject({ code: 0, stdout: expect.stringContaining("trusts no keys") });
  });
});

describe("a box whose config trusts a key", () => {
  it("is set up, kept in order and warned with these commands alone", async () => {
    await using server = await startRangeServer({ "/a.bin": WEIGHTS });
    await models("keys", "generate", "studio", "--no-password");
    const shown = await models("keys", "show", "studio.pub", "--json");
    const { id, publicKey } = JSON.parse(shown.stdout) as { readonly id: string; readonly publicKey: string };
    const by = `signed by studio (key ${id})`;
    await write(
      "manifests/team.yaml",
      `version: 1\nmodels:\n  - name: a\n    path: other/a.dat\n    size: ${WEIGHTS.length}\n    sha256: ${await digest()}\n    sources: ["${server.url}/a.bin"]\n`,
    );
    await write("kits/all.yaml", "version: 1\nname: all\nmodels: [a]\n");
    await write(
      "models.config.yaml",
      `manifests: [manifests]\nkits: [kits]\nlimits: { reserve: 0 }\ntrust:\n  keys:\n    - { name: studio, key: ${publicKey}, notAfter: 2099-12-31 }\n`,
    );
    expect(await models("keys")).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/studio .* good until 2099-12-31/),
    });

    const unsigned = await models("sync", "--kit", "all");
    expect(unsigned).toMatchObject({ code: 4, stdout: "" });
    expect(unsigned.stderr).toMatch(/Cannot trust 2 files/);
    expect(unsigned.stderr).toMatch(/kits\/all\.yaml": it is not signed/);

    const signed = await models("sign", "manifests/team.yaml", "kits/all.yaml", "--key", "studio.key");
    expect(signed).toMatchObject({ code: 0, stderr: "" });
    expect(signed.stdout).toMatch(/manifest team version \d{10}: .*team\.yaml\.minisig/);
    const synced = await models("sync", "--kit", "all");
    expect(synced).toMatchObject({ code: 0 });
    expect(synced.stderr).toContain(`1 manifest and 1 kit ${by}`);
    expect((await models("check", "--kit", "all")).stdout).toContain(`1 manifest and 1 kit ${by}`);

    expect((await models("lock", "--kit", "all")).stdout).toContain("sign it before the next run: models sign");
    expect(await models("check", "--kit", "all")).toMatchObject({ code: 4 });
    expect(await models("sign", "models.lock.yaml", "--key", "studio.key")).toMatchObject({ code: 0 });
    const frozen = await models("sync", "--kit", "all", "--frozen", "--json");
    expect(frozen.code).toBe(0);
    expect(frozen.stdout.split("\n").map((line) => line.slice(0, 17))).toContain('{"kind":"trusted"');

    await alterAt(join(folder, "kits/all.yaml"), "[a]", "[b]");
    const altered = await models("check", "--kit", "all", "--json");
    expect(altered.code).toBe(4);
    expect(JSON.parse(altered.stdout)).toMatchObject({
      ok: false,
      error: {
        code: "SIGNATURE_INVALID",
        message: expect.stringContaining(`these are not the bytes that studio (key ${id})`),
      },
    });
  });
});

describe("models sign", () => {
  it("makes a bundle of model-signing, and says what it cannot sign", async () => {
    await models("keys", "generate", "ec", "--no-password", "--format", "model-signing");
    await write("weights/a.bin", "hello");
    const made = await models("sign", "--format", "model-signing", "--key", "ec.key", "weights", "--json");
    expect(JSON.parse(made.stdout)).toMatchObject({ model: "weights", files: [{ name: "a.bin" }] });
    expect(await readFile(join(folder, "weights.sig"), "utf8")).toContain("bundle.v0.3+json");
    expect(await models("sign", "weights/a.bin", "--key", "ec.key")).toMatchObject({ code: 2 });
    expect(await models("sign", "--format", "pgp", "weights")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("expected minisign or model-signing"),
    });
    expect(await models("sign", "x.yaml")).toMatchObject({ code: 2, stderr: expect.stringContaining("--key FILE") });
  });
});

async function digest(): Promise<string> {
  const { createHash } = await import("node:crypto");
  return createHash("sha256").update(WEIGHTS).digest("hex");
}
