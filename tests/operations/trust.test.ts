/** What a box that trusts keys lets in, end to end: every hostile signature is refused, naming what and who. */
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { isModelsError, type ModelsError } from "../../src/base/errors.ts";
import type { ModelsOptions } from "../../src/models.ts";
import { formatPublicKeyFile } from "../../src/trust/public-key.ts";
import { formatSignature, parseSignature } from "../../src/trust/signature.ts";
import { startBucket, startRangeServer } from "../origins/index.ts";
import { alterAt, keyLine, keyNamed, sha256Of, signAt, signatureFor } from "../trust/signing.ts";
import { type Box, bytesOf, makeBox, weights } from "./box.ts";

const MB = 1_000_000;
const STUDIO = keyNamed("studio");
const TRUST = `trust:\n  keys:\n${keyLine("studio")}`;
const BY_STUDIO = `studio (key ${STUDIO.publicKey.id})`;

interface Signed extends AsyncDisposable {
  readonly box: Box;
  readonly manifest: string;
  readonly kit: string;
  /** Syncs, checks and pins with new libraries; the refusal of each, or null. */
  readonly refusals: (options?: ModelsOptions) => Promise<readonly (ModelsError | null)[]>;
  /** The one refusal that all three give. */
  readonly refusal: (options?: ModelsOptions) => Promise<ModelsError>;
  /** Signs manifest and kit as they are now. */
  readonly signAll: (version?: number) => Promise<void>;
  readonly config: (text: string) => Promise<void>;
}

/** A box with one model in one signed manifest and one signed kit, whose config trusts `studio`. */
async function makeSigned(config = TRUST): Promise<Signed> {
  const { content, figures } = await weights("signed", MB);
  const server = await startRangeServer({ "/a.safetensors": content });
  const box = await makeBox();
  await box.catalogue([{ name: "box-a", ...figures, sources: [`${server.url}/a.safetensors`] }]);
  const manifest = join(box.folder, "manifests/box.json");
  const kit = join(box.folder, "kits/all.json");
  const signed: Signed = {
    box,
    manifest,
    kit,
    refusals: async (options = {}) => {
      const errors: (ModelsError | null)[] = [];
      for (const verb of ["sync", "check", "lock"] as const) {
        const models = box.open(options);
        const thrown: unknown = await models[verb]({ kits: ["all"] }).then(
          () => null,
          (error: unknown) => error,
        );
        await models.close();
        if (thrown !== null && !isModelsError(thrown)) throw thrown;
        errors.push(thrown);
      }
      return errors;
    },
    refusal: async (options) => {
      const [first, ...rest] = await signed.refusals(options);
      expect(rest.map((error) => error?.message)).toEqual([first?.message, first?.message]);
      if (first === null || first === undefined) throw new Error("nothing was refused");
      return first;
    },
    signAll: async (version = 1) => {
      await signAt(manifest, "manifest", { key: STUDIO, version });
      await signAt(kit, "kit", { key: STUDIO, version });
    },
    config: (text) => writeFile(join(box.folder, "models.config.yaml"), text),
    [Symbol.asyncDispose]: async () => {
      await server[Symbol.asyncDispose]();
      await box[Symbol.asyncDispose]();
    },
  };
  await signed.config(config);
  await signed.signAll();
  return signed;
}

describe("with trust: in the config", () => {
  it("sync, check and lock take what a trusted key signed, and say whose word it is", async () => {
    await using signed = await makeSigned();
    const { events, error } = await signed.box.sync();
    expect(error).toBeNull();
    const files = [
      { file: signed.manifest, kind: "manifest", name: "box", version: 1 },
      { file: signed.kit, kind: "kit", name: "all", version: 1 },
    ];
    const trusted = events.find(({ kind }) => kind === "trusted");
    expect(trusted).toMatchObject({ signer: "studio", key: STUDIO.publicKey.id });
    expect(trusted).toMatchObject({ files: expect.arrayContaining(files) });
    expect(await signed.box.open().check({ kits: ["all"] })).toMatchObject({
      ok: true,
      signedBy: [{ signer: "studio", key: STUDIO.publicKey.id }],
    });
  });

  it("the built-in catalogue needs no signature: it is trusted as the package is", async () => {
    await using signed = await makeSigned();
    const models = signed.box.open({ manifests: [], kits: [] });
    expect((await models.catalog()).kits.size).toBeGreaterThan(5);
  });

  it("refuses what is not signed at all", async () => {
    await using signed = await makeSigned();
    await rm(`${signed.kit}.minisig`);
    expect(await signed.refusal()).toMatchObject({
      code: "SIGNATURE_MISSING",
      message: `Cannot trust kit "${signed.kit}": it is not signed, expected all.json.minisig beside it, by ${BY_STUDIO}`,
    });
  });

  it("tells every file that it refuses at once, and reads nothing of what it refuses", async () => {
    await using signed = await makeSigned();
    await writeFile(signed.manifest, "{ this is no manifest");
    await rm(`${signed.kit}.minisig`);
    const error = await signed.refusal();
    expect(error.problems.map(({ message }) => message)).toEqual([
      expect.stringContaining("these are not the bytes"),
      expect.stringContaining("it is not signed"),
    ]);
  });

  it("says nothing and asks for nothing without trust:", async () => {
    await using signed = await makeSigned("allowPickle: false\n");
    await rm(`${signed.kit}.minisig`);
    const { events, error } = await signed.box.sync();
    expect(error).toBeNull();
    expect(events.map(({ kind }) => kind)).not.toContain("trusted");
  });
});

describe("hostile signatures", () => {
  it("16: one altered byte in a manifest is refused, naming it and whose signature it has", async () => {
    await using signed = await makeSigned();
    await alterAt(signed.manifest, "box-a.safetensors", "box-b.safetensors");
    expect(await signed.refusal()).toMatchObject({
      code: "SIGNATURE_INVALID",
      message: `Cannot trust manifest "${signed.manifest}": these are not the bytes that ${BY_STUDIO} signed`,
    });
  });

  it("16: one altered byte in a kit is refused, naming it and whose signature it has", async () => {
    await using signed = await makeSigned();
    await alterAt(signed.kit, "All of them", "All of then");
    expect(await signed.refusal()).toMatchObject({
      code: "SIGNATURE_INVALID",
      message: `Cannot trust kit "${signed.kit}": these are not the bytes that ${BY_STUDIO} signed`,
    });
  });

  it("16: one altered byte in a lockfile is refused, naming it and whose signature it has", async () => {
    await using signed = await makeSigned();
    await signed.box.open().lock({ kits: ["all"] });
    await signAt(signed.box.lockfile, "lockfile", { key: STUDIO });
    expect(await signed.refusals()).toEqual([null, null, null]);
    // Pinning the same again wrote the same again, so that its signature holds.
    await alterAt(signed.box.lockfile, "a.safetensors", "b.safetensors");
    expect(await signed.refusal()).toMatchObject({
      code: "SIGNATURE_INVALID",
      message: `Cannot trust lockfile "${signed.box.lockfile}": these are not the bytes that ${BY_STUDIO} signed`,
    });
  });

  it("16: one altered byte in a piece table is refused, naming it and whose signature it has", async () => {
    await using signed = await makeSigned();
    const { content, figures } = await weights("pieces", MB);
    await using server = await startRangeServer({ "/p.safetensors": content });
    const table = JSON.stringify({ version: 1, ...figures, pieceBytes: 16 * 1024 * 1024, xxh64: ["0".repeat(16)] });
    const altered = Buffer.from(table.replace("0000", "0001"));
    const pieces = server.put("p.pieces", altered);
    server.put(
      "p.pieces.minisig",
      Buffer.from(signatureFor(pieces, Buffer.from(table), { key: STUDIO, kind: "pieces" })),
    );
    await signed.box.catalogue([{ name: "box-p", ...figures, sources: [`${server.url}/p.safetensors`], pieces }]);
    await signed.signAll();
    const refused = await signed.box.sync();
    expect(refused.error).toMatchObject({
      code: "SIGNATURE_INVALID",
      message: `Cannot trust piece table "${pieces}": these are not the bytes that ${BY_STUDIO} signed`,
    });
    expect(refused.summary.ok).toBe(false);
    server.remove("/p.pieces.minisig");
    // Without any signature it is not used: the whole digest proves the file without it.
    const plain = await signed.box.sync();
    expect(plain.error).toBeNull();
    expect(plain.events.find(({ kind }) => kind === "warning")).toMatchObject({ code: "SIGNATURE_MISSING" });
  });

  it("17: a signature by an unknown key is refused, and its key is named", async () => {
    await using signed = await makeSigned();
    const stranger = keyNamed("stranger");
    await signAt(signed.manifest, "manifest", { key: stranger });
    expect(await signed.refusal()).toMatchObject({
      code: "SIGNATURE_UNTRUSTED",
      message: `Cannot trust manifest "${signed.manifest}": it is signed by key ${stranger.publicKey.id}, expected ${BY_STUDIO}`,
    });
  });

  it("17: a stranger's key that borrows a trusted key's id is refused", async () => {
    await using signed = await makeSigned();
    const text = signatureFor(signed.manifest, await readFile(signed.manifest), { key: keyNamed("stranger") });
    const forged = { ...parseSignature(text, "x"), keyId: STUDIO.publicKey.id };
    await writeFile(`${signed.manifest}.minisig`, formatSignature(forged));
    expect(await signed.refusal()).toMatchObject({ code: "SIGNATURE_INVALID" });
  });

  it("18: a revoked key is refused by name, and an expired one with its last day", async () => {
    await using signed = await makeSigned();
    await signed.config(`trust:\n  keys:\n${keyLine("studio", ", revoked: true")}`);
    expect(await signed.refusal()).toMatchObject({
      code: "SIGNATURE_UNTRUSTED",
      message: expect.stringContaining(`it is signed by ${BY_STUDIO}, which is revoked`),
    });
    await signed.config(`trust:\n  keys:\n${keyLine("studio", ", notAfter: 2020-02-29")}`);
    expect(await signed.refusal()).toMatchObject({
      code: "SIGNATURE_UNTRUSTED",
      message: expect.stringContaining(`it is signed by ${BY_STUDIO}, which was good until 2020-02-29`),
    });
  });

  it("19: a valid signature of another kit or manifest is refused, naming both", async () => {
    await using signed = await makeSigned();
    await signAt(signed.kit, "kit", { key: STUDIO, name: "small" });
    expect(await signed.refusal()).toMatchObject({
      code: "SIGNATURE_INVALID",
      message: `Cannot trust kit "${signed.kit}": ${BY_STUDIO} signed it as the kit "small", expected the kit "all"`,
    });
    await signAt(signed.kit, "manifest", { key: STUDIO });
    expect(await signed.refusal()).toMatchObject({ message: expect.stringContaining('as the manifest "all"') });
  });

  it("19: a whole other kit in a kit's place is refused, its own good signature with it", async () => {
    await using signed = await makeSigned();
    const other = JSON.stringify({ version: 1, name: "small", models: [] });
    await writeFile(signed.kit, other);
    const honest = signatureFor("kits/small.json", Buffer.from(other), { key: STUDIO, kind: "kit" });
    await writeFile(`${signed.kit}.minisig`, honest);
    expect(await signed.refusal()).toMatchObject({
      code: "SIGNATURE_INVALID",
      message: expect.stringContaining("small"),
    });
    // Also when the maintainer signed the wrong text under the right name.
    await signAt(signed.kit, "kit", { key: STUDIO });
    expect(await signed.refusal()).toMatchObject({ message: expect.stringContaining('it calls itself "small"') });
  });

  it("20: an older version than one that was accepted is refused, until a person allows it", async () => {
    await using signed = await makeSigned();
    const old = await readFile(`${signed.manifest}.minisig`);
    await signed.signAll(7);
    expect(await signed.refusals()).toEqual([null, null, null]);
    await writeFile(`${signed.manifest}.minisig`, old);
    expect(await signed.refusal()).toMatchObject({
      code: "ROLLBACK_REFUSED",
      message: `Cannot trust manifest "${signed.manifest}": version 1, signed by ${BY_STUDIO}, is older than version 7, which was accepted before`,
      fix: expect.stringContaining("--allow-downgrade"),
    });
    await rm(signed.box.lockfile);
    expect((await signed.box.sync({ allowDowngrade: true })).error).toBeNull();
    expect(await signed.refusals()).toEqual([null, null, null]);
  });

  it("20: another text under a version that was accepted is refused", async () => {
    await using signed = await makeSigned();
    expect((await signed.box.sync()).error).toBeNull();
    await alterAt(signed.kit, "All of them", "All of then");
    await signed.signAll(1);
    expect(await signed.refusal()).toMatchObject({
      code: "ROLLBACK_REFUSED",
      message: expect.stringContaining("has other bytes than when it was first seen"),
    });
  });

  it("20: check and a dry run remember nothing, and what cannot be read forbids everything", async () => {
    await using signed = await makeSigned();
    const memory = join(signed.box.root, ".modelferry/seen-versions.json");
    await signed.box.open().check({ kits: ["all"] });
    await signed.box.sync({ isDryRun: true });
    await expect(readFile(memory)).rejects.toMatchObject({ code: "ENOENT" });
    await signed.box.sync();
    expect(await readFile(memory, "utf8")).toContain("manifest box");
    await writeFile(memory, "{ torn");
    expect(await signed.refusal()).toMatchObject({
      code: "ROLLBACK_REFUSED",
      message: expect.stringContaining(memory),
    });
  });

  it("21: a modified trusted comment is refused, though the file itself is as it was signed", async () => {
    await using signed = await makeSigned();
    await alterAt(`${signed.manifest}.minisig`, "version=1", "version=9");
    expect(await signed.refusal()).toMatchObject({
      code: "SIGNATURE_INVALID",
      message: expect.stringContaining(`the trusted comment of its signature is not the one that ${BY_STUDIO} signed`),
    });
  });

  it("21: a signature that says nothing of what it is for is refused", async () => {
    await using signed = await makeSigned();
    const { signContent } = await import("../../src/trust/signature.ts");
    const bare = signContent(await readFile(signed.manifest), "timestamp:1700000000\tfile:box.json", STUDIO);
    await writeFile(`${signed.manifest}.minisig`, formatSignature(bare));
    expect(await signed.refusal()).toMatchObject({ message: expect.stringContaining("does not say what it is for") });
  });

  it("22: a prehashed signature in the name of the legacy algorithm is refused, also for the hash itself", async () => {
    await using signed = await makeSigned();
    const { createHash } = await import("node:crypto");
    const signature = parseSignature(await readFile(`${signed.manifest}.minisig`, "utf8"), "x");
    await writeFile(`${signed.manifest}.minisig`, formatSignature({ ...signature, algorithm: "Ed" }));
    expect(await signed.refusal()).toMatchObject({ code: "SIGNATURE_INVALID" });
    // Now the signature is good for these 64 bytes, but they are not what the comment is about.
    const hash = createHash("blake2b512")
      .update(await readFile(signed.manifest))
      .digest();
    await writeFile(signed.manifest, hash);
    expect(await signed.refusal()).toMatchObject({
      code: "SIGNATURE_INVALID",
      message: expect.stringContaining(`it has ${sha256Of(hash)}`),
    });
  });

  it("23: a manifest with the same meaning in other white space is refused", async () => {
    await using signed = await makeSigned();
    const before: unknown = JSON.parse(await readFile(signed.manifest, "utf8"));
    await writeFile(signed.manifest, `${JSON.stringify(before, null, 2)}\n`);
    expect(await signed.refusal()).toMatchObject({
      code: "SIGNATURE_INVALID",
      message: expect.stringContaining(`these are not the bytes that ${BY_STUDIO} signed`),
    });
  });

  it("24: what the lockfile pins stands against a manifest that is signed as well, frozen or not", async () => {
    await using signed = await makeSigned();
    await signed.box.open().lock({ kits: ["all"] });
    await signAt(signed.box.lockfile, "lockfile", { key: STUDIO });
    const { content, figures } = await weights("another", MB);
    await using server = await startRangeServer({ "/a.safetensors": content });
    await signed.box.catalogue([{ name: "box-a", ...figures, sources: [`${server.url}/a.safetensors`] }]);
    await signed.signAll(2);
    for (const isFrozen of [true, false]) {
      expect((await signed.box.sync({ isFrozen })).error).toMatchObject({
        code: "LOCKFILE_DRIFT",
        problems: [{ message: expect.stringContaining(figures.sha256) }],
      });
    }
    expect(server.requests).toHaveLength(0);
  });
});

describe("a signed lockfile", () => {
  it("is obeyed by a frozen sync, and no sync writes to it", async () => {
    await using signed = await makeSigned();
    expect((await signed.box.sync()).error).toBeNull();
    await expect(readFile(signed.box.lockfile)).rejects.toMatchObject({ code: "ENOENT" });
    expect(await signed.box.open().lock({ kits: ["all"] })).toMatchObject({ mustBeSigned: true });
    await expect(signed.box.sync({ isFrozen: true })).rejects.toMatchObject({ code: "SIGNATURE_MISSING" });
    await signAt(signed.box.lockfile, "lockfile", { key: STUDIO });
    const { error, events } = await signed.box.sync({ isFrozen: true });
    expect(error).toBeNull();
    expect(JSON.stringify(events)).toContain('"kind":"lockfile"');
  });
});

describe("what a key may sign", () => {
  it("ends at the kits and folders that the config gives it", async () => {
    await using signed = await makeSigned();
    const withRights = (rights: string): Promise<void> =>
      signed.config(`trust:\n  keys:\n${keyLine("studio", rights)}`);
    await withRights(", kits: [all, box], paths: [loras]");
    expect(await signed.refusals()).toEqual([null, null, null]);
    await rm(signed.box.lockfile);
    await withRights(", kits: [box]");
    expect(await signed.refusal()).toMatchObject({
      code: "SIGNATURE_UNTRUSTED",
      message: `Cannot trust kit "${signed.kit}": it is signed by ${BY_STUDIO}, who may sign only box`,
    });
    await withRights(", paths: [checkpoints, lora]");
    expect(await signed.refusal()).toMatchObject({
      code: "SIGNATURE_UNTRUSTED",
      message: expect.stringContaining('it places "loras/box-a.safetensors"'),
    });
  });
});

describe("rotation", () => {
  const NEXT = keyNamed("studio-2027");

  async function withNext(signed: Signed, options: { by: string; trust?: string }): Promise<void> {
    const file = join(signed.box.folder, "studio-2027.pub");
    await writeFile(file, formatPublicKeyFile(NEXT.publicKey));
    await signAt(file, "key", { key: keyNamed(options.by) });
    await signed.config(`${options.trust ?? TRUST}  rotations: [studio-2027.pub, not-there-yet.pub]\n`);
    await signAt(signed.manifest, "manifest", { key: NEXT });
    await signAt(signed.kit, "kit", { key: NEXT });
  }

  it("takes what a new key signed, once a trusted one has signed that key", async () => {
    await using signed = await makeSigned();
    await withNext(signed, { by: "studio" });
    const { events, error } = await signed.box.sync();
    expect(error).toBeNull();
    expect(events.find(({ kind }) => kind === "trusted")).toMatchObject({ signer: "studio-2027" });
  });

  it("gives the new key no more rights than the old one had", async () => {
    await using signed = await makeSigned();
    await withNext(signed, { by: "studio", trust: `trust:\n  keys:\n${keyLine("studio", ", paths: [vae]")}` });
    expect(await signed.refusal()).toMatchObject({
      code: "SIGNATURE_UNTRUSTED",
      message: expect.stringContaining("vae"),
    });
  });

  it("refuses a key that a stranger, or a revoked key, vouches for", async () => {
    await using signed = await makeSigned();
    await withNext(signed, { by: "stranger" });
    expect(await signed.refusal()).toMatchObject({
      code: "SIGNATURE_UNTRUSTED",
      message: expect.stringMatching(/^Cannot trust key ".*studio-2027\.pub": it is signed by key [0-9A-F]{16}/),
    });
    await withNext(signed, { by: "studio", trust: `trust:\n  keys:\n${keyLine("studio", ", revoked: true")}` });
    expect(await signed.refusal()).toMatchObject({ message: expect.stringContaining("which is revoked") });
  });

  it("lets the config revoke a key that an old one vouches for", async () => {
    await using signed = await makeSigned();
    const revoked = `${TRUST}${keyLine("studio-2027", ", revoked: true")}`;
    await withNext(signed, { by: "studio", trust: revoked });
    expect(await signed.refusal()).toMatchObject({ message: expect.stringContaining("studio-2027") });
  });
});

describe("a catalogue that is somewhere else", () => {
  it("is proven from https:// and s3:// alike, by the .minisig beside each file", async () => {
    const { content, figures } = await weights("remote", MB);
    await using bucket = await startBucket({ objects: { "a.safetensors": content } });
    await using box = await makeBox();
    const source = `${bucket.url}/a.safetensors`;
    const manifest = Buffer.from(
      JSON.stringify({
        version: 1,
        models: [{ name: "a", path: "loras/a.safetensors", ...figures, sources: [source] }],
      }),
    );
    const kit = Buffer.from("\ufeffversion: 1\nname: team\nmodels: [a]\n");
    bucket.put("m/team.json", manifest);
    const kitUrl = bucket.put("k/team.yaml", kit);
    await writeFile(
      join(box.folder, "models.config.yaml"),
      `${TRUST}buckets: { models: { publicUrl: "${bucket.url}" } }\n`,
    );
    const places = { manifests: ["s3://models/m/team.json"], kits: [`${kitUrl}?v=hush`], lockfile: "none" };
    const sync = async (): Promise<unknown> => {
      const models = box.open(places);
      return await models.sync({ kits: ["team"] }).then(
        () => null,
        (error: unknown) => error,
      );
    };
    expect(await sync()).toMatchObject({ code: "SIGNATURE_MISSING", message: expect.not.stringContaining("hush") });
    bucket.put("m/team.json.minisig", Buffer.from(signatureFor("team.json", manifest, { key: STUDIO })));
    bucket.put("k/team.yaml.minisig", Buffer.from(signatureFor("team.yaml", kit, { key: STUDIO })));
    expect(await sync()).toBeNull();
    expect((await box.read("loras/a.safetensors")).equals(Buffer.from(await bytesOf(content)))).toBe(true);
    bucket.put("m/team.json", Buffer.from(manifest.toString().replace("loras", "lorat")));
    expect(await sync()).toMatchObject({
      code: "SIGNATURE_INVALID",
      message: `Cannot trust manifest "s3://models/m/team.json": these are not the bytes that ${BY_STUDIO} signed`,
    });
  });
});

describe("a stolen bucket key", () => {
  /** A bucket with everything that a box believes, a box for it, and a thief who can write to the bucket. */
  async function makeTheft() {
    const { content, figures } = await weights("theft", MB);
    const bucket = await startBucket({ objects: { "a.safetensors": content } });
    const sources = [`${bucket.url}/a.safetensors`];
    const manifest = (note: string): Buffer =>
      Buffer.from(
        JSON.stringify({ version: 1, models: [{ name: "a", path: "loras/a.safetensors", ...figures, sources, note }] }),
      );
    const url = `${bucket.url}/team.json`;
    const putSigned = (text: Buffer, key = STUDIO, version = 1): void => {
      bucket.put("team.json", text);
      bucket.put("team.json.minisig", Buffer.from(signatureFor(url, text, { key, version, kind: "manifest" })));
    };
    const open = async (): Promise<{ box: Box; sync: () => Promise<unknown> }> => {
      const box = await makeBox();
      await writeFile(join(box.folder, "models.config.yaml"), TRUST);
      const sync = async (): Promise<unknown> => {
        const models = box.open({ manifests: [url], kits: [], lockfile: "none" });
        return await models.sync({ models: ["a"] }).then(
          () => null,
          (error: unknown) => error,
        );
      };
      return { box, sync };
    };
    putSigned(manifest("first"), STUDIO, 1);
    const first = await open();
    return {
      bucket,
      manifest,
      putSigned,
      open,
      ...first,
      [Symbol.asyncDispose]: async () => {
        await first.box[Symbol.asyncDispose]();
        await bucket[Symbol.asyncDispose]();
      },
    };
  }

  it("cannot change a weight: other bytes take no name", async () => {
    await using theft = await makeTheft();
    const { content } = await weights("thief", MB);
    theft.bucket.put("a.safetensors", await bytesOf(content));
    expect(await theft.sync()).toMatchObject({ code: "DIGEST_MISMATCH" });
    await expect(theft.box.read("loras/a.safetensors")).rejects.toMatchObject({ code: "ENOENT" });
  });

  it("cannot change a manifest: a thief's signature is a stranger's", async () => {
    await using theft = await makeTheft();
    theft.putSigned(theft.manifest("thief"), keyNamed("thief"));
    expect(await theft.sync()).toMatchObject({ code: "SIGNATURE_UNTRUSTED" });
    theft.bucket.remove("/team.json.minisig");
    expect(await theft.sync()).toMatchObject({ code: "SIGNATURE_MISSING" });
  });

  it("can bring back an older version only to a box that never saw a newer one", async () => {
    await using theft = await makeTheft();
    theft.putSigned(theft.manifest("second"), STUDIO, 2);
    expect(await theft.sync()).toBeNull();
    theft.putSigned(theft.manifest("first"), STUDIO, 1);
    expect(await theft.sync()).toMatchObject({ code: "ROLLBACK_REFUSED" });
    const fresh = await theft.open();
    expect(await fresh.sync()).toBeNull();
    await fresh.box[Symbol.asyncDispose]();
  });
});

describe("a hostile manifest", () => {
  it("names a device or a pipe as a piece table: it is left alone, and the model comes without one", async () => {
    await using signed = await makeSigned("allowPickle: false\n");
    const { content, figures } = await weights("devices", MB);
    await using server = await startRangeServer({ "/a.safetensors": content });
    const sources = [`${server.url}/a.safetensors`];
    await signed.box.catalogue([{ name: "box-a", ...figures, sources, pieces: "/dev/zero" }]);
    const { error, events } = await signed.box.sync();
    expect(error).toBeNull();
    expect(events.find(({ kind }) => kind === "warning")).toMatchObject({
      message: expect.stringContaining("piece table"),
    });
  });
});
