/** minisign's formats, both ways: what the stock tool made once, and, where it is installed, what it makes and takes now. */
import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isModelsError } from "../../src/base/errors.ts";
import { Secret } from "../../src/base/secret.ts";
import { formatPublicKey, formatPublicKeyFile, parsePublicKey } from "../../src/trust/public-key.ts";
import { type Cost, SENSITIVE, scryptParameters } from "../../src/trust/scrypt.ts";
import { generateSecretKey, hasPassword, parseSecretKey, secretKeyOf } from "../../src/trust/secret-key.ts";
import { checkSignature, formatSignature, parseSignature, signContent } from "../../src/trust/signature.ts";
import { describeWithMinisign, minisign } from "./stock.ts";
import { CONTENT, LEGACY, MASKED, PLAIN, PREHASHED } from "./vectors.ts";

/** A hundredth of a second and 16 MiB. */
const CHEAP: Cost = { operations: 524_288, memory: 16_777_216 };
const key = parsePublicKey(PLAIN.publicKey, "plain.pub");
const OTHER = Buffer.from("hellp\n");

describe("parseSignature() and checkSignature()", () => {
  it("take what the stock tool signed, prehashed and legacy", () => {
    const prehashed = parseSignature(PREHASHED, "a.minisig");
    expect(prehashed).toMatchObject({ algorithm: "ED", keyId: PLAIN.id, comment: expect.stringMatching(/^kit=flux /) });
    expect(checkSignature(prehashed, CONTENT, key)).toBeNull();
    const legacy = parseSignature(LEGACY, "a.minisig");
    expect(legacy).toMatchObject({ algorithm: "Ed", keyId: PLAIN.id, comment: "a legacy one" });
    expect(checkSignature(legacy, CONTENT, key)).toBeNull();
  });

  it("tell altered content from an altered comment", () => {
    for (const text of [PREHASHED, LEGACY]) {
      const signature = parseSignature(text, "a.minisig");
      expect(checkSignature(signature, OTHER, key)).toBe("content");
      expect(checkSignature({ ...signature, comment: `${signature.comment} ` }, CONTENT, key)).toBe("comment");
      expect(checkSignature(signature, CONTENT, generateSecretKey().publicKey)).toBe("content");
    }
  });

  it("refuse one algorithm in the name of the other", () => {
    const [prehashed, legacy] = [PREHASHED, LEGACY].map((text) => parseSignature(text, "a.minisig"));
    expect(prehashed && checkSignature({ ...prehashed, algorithm: "Ed" }, CONTENT, key)).toBe("content");
    expect(legacy && checkSignature({ ...legacy, algorithm: "ED" }, CONTENT, key)).toBe("content");
  });

  it("notice every single flipped bit of a signature file's two lines of base64", () => {
    const lines = PREHASHED.split("\n");
    const verdictOf = (text: string): string => {
      try {
        return checkSignature(parseSignature(text, "a"), CONTENT, key) ?? "good";
      } catch (error) {
        return isModelsError(error, "SIGNATURE_INVALID") ? "unreadable" : "crash";
      }
    };
    expect(verdictOf(PREHASHED)).toBe("good");
    for (const line of [1, 3]) {
      const bytes = Buffer.from(lines[line] ?? "", "base64");
      // The eight bytes of the key's id only say which key to try.
      for (let bit = line === 1 ? 80 : 0; bit < bytes.length * 8; bit += 7) {
        const altered = Buffer.from(bytes);
        altered[bit >> 3] = (altered[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        const text = lines.with(line, altered.toString("base64")).join("\n");
        expect(verdictOf(text)).toMatch(/content|comment/);
      }
    }
  });
});

describe("formatSignature()", () => {
  it("gives back what was read, but for the comment that nobody signed", () => {
    const signature = parseSignature(PREHASHED, "a.minisig");
    const again = formatSignature(signature);
    expect(again.split("\n").slice(1)).toEqual(PREHASHED.split("\n").slice(1));
    expect(parseSignature(again, "again")).toEqual(signature);
  });

  it("keeps a comment to its line", () => {
    const made = signContent(CONTENT, "one\nuntrusted comment: two", generateSecretKey());
    expect(formatSignature(made).split("\n")).toHaveLength(5);
  });
});

describe("parsePublicKey()", () => {
  it("takes the file and the line alone, and gives both back", () => {
    const file = `untrusted comment: minisign public key ${PLAIN.id}\n${PLAIN.publicKey}\n`;
    expect(parsePublicKey(file, "a.pub")).toEqual(key);
    expect(key.id).toBe(PLAIN.id);
    expect(formatPublicKey(key)).toBe(PLAIN.publicKey);
    expect(formatPublicKeyFile(key)).toBe(file);
    expect(parsePublicKey(file.replaceAll("\n", "\r\n"), "a.pub")).toEqual(key);
  });

  it("refuses a secret key without quoting it", () => {
    const read = (): unknown => parsePublicKey(PLAIN.secretKey, "a.key");
    expect(read).toThrow(expect.objectContaining({ code: "KEY_INVALID" }));
    expect(read).not.toThrow(/RWQAAE/);
  });
});

describe("parseSecretKey()", () => {
  it("reads a key without a password, as minisign -W writes it", async () => {
    expect(hasPassword(PLAIN.secretKey, "a.key")).toBe(false);
    const secret = await parseSecretKey(PLAIN.secretKey, "a.key", null);
    expect(secret.publicKey).toEqual(key);
    expect(checkSignature(signContent(CONTENT, "mine", secret), CONTENT, key)).toBeNull();
  });

  it("reads a key with a password, as minisign -G writes it, and says when the password is wrong", async () => {
    const secret = await parseSecretKey(MASKED.secretKey, "a.key", new Secret(MASKED.password));
    expect(formatPublicKey(secret.publicKey)).toBe(MASKED.publicKey);
    await expect(parseSecretKey(MASKED.secretKey, "a.key", null)).rejects.toMatchObject({
      code: "KEY_INVALID",
      message: expect.stringMatching(/has a password/),
    });
    await expect(parseSecretKey(MASKED.secretKey, "a.key", new Secret("PW"))).rejects.toMatchObject({
      code: "KEY_INVALID",
      message: expect.stringMatching(/password is wrong/),
    });
  });

  it("gives back what format() wrote, with and without a password", async () => {
    const made = generateSecretKey();
    for (const password of [null, new Secret("tränen")]) {
      const text = await made.format(password, CHEAP);
      expect(hasPassword(text, "a.key")).toBe(password !== null);
      expect((await parseSecretKey(text, "a.key", password)).publicKey).toEqual(made.publicKey);
    }
  });

  it("notices damage to a key without a password", async () => {
    const text = await generateSecretKey().format(null);
    const bytes = Buffer.from(text.split("\n")[1] ?? "", "base64");
    bytes[70] = (bytes[70] ?? 0) ^ 1;
    const damaged = `untrusted comment: x\n${bytes.toString("base64")}\n`;
    await expect(parseSecretKey(damaged, "a.key", null)).rejects.toMatchObject({ code: "KEY_INVALID" });
  });

  it("refuses at once a key whose password would cost more than 1 GiB", async () => {
    const bytes = Buffer.from(MASKED.secretKey.split("\n")[1] ?? "", "base64");
    bytes.writeBigUInt64LE(1n << 40n, 46);
    const text = `untrusted comment: x\n${bytes.toString("base64")}\n`;
    await expect(parseSecretKey(text, "a.key", new Secret("pw"))).rejects.toMatchObject({
      code: "KEY_INVALID",
      message: expect.stringMatching(/at most 1 GiB/),
    });
  });

  it("has nothing that could be printed", () => {
    const seed = Buffer.alloc(32, 0xab);
    const secret = secretKeyOf(seed, PLAIN.id);
    const printed = `${inspect(secret, { depth: 9, showHidden: true })}${JSON.stringify(secret)}`;
    expect(printed).not.toMatch(/abab|171, 171|q6ur/i);
  });
});

describe("scryptParameters()", () => {
  it("picks what libsodium picks", () => {
    expect(scryptParameters(SENSITIVE)).toEqual({ N: 2 ** 20, r: 8, p: 1 });
    expect(scryptParameters({ operations: 524_288, memory: 16_777_216 })).toEqual({ N: 2 ** 14, r: 8, p: 1 });
    expect(scryptParameters({ operations: 33_554_432, memory: 16_777_216 })).toEqual({ N: 2 ** 14, r: 8, p: 64 });
  });

  it("gives nothing beyond 1 GiB or four times minisign's own time", () => {
    fc.assert(
      fc.property(fc.nat(2 ** 45), fc.nat(2 ** 45), (operations, memory) => {
        const picked = scryptParameters({ operations, memory });
        if (picked === null) return;
        expect(128 * picked.N * picked.r).toBeLessThanOrEqual(2 ** 30);
        expect(4 * picked.N * picked.r * picked.p).toBeLessThanOrEqual(2 ** 27);
      }),
    );
    expect(scryptParameters({ operations: Number.MAX_SAFE_INTEGER, memory: 2 ** 30 })).toBeNull();
    expect(scryptParameters({ operations: Number.NaN, memory: 1 })).toBeNull();
  });
});

describe("every parser of minisign's files", () => {
  const onlyOurs = (read: () => unknown): void => {
    try {
      read();
    } catch (error) {
      if (!isModelsError(error)) throw error;
    }
  };

  it("throws nothing but ModelsError, whatever it is given", async () => {
    const base64Line = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes).toString("base64"));
    const shaped = fc
      .tuple(fc.string(), base64Line, fc.string(), base64Line)
      .map(([one, two, three, four]) => `untrusted comment: ${one}\n${two}\ntrusted comment: ${three}\n${four}\n`);
    const garbage = fc.oneof(fc.string({ unit: "binary" }), shaped, base64Line, fc.constant("A".repeat(100_000)));
    await fc.assert(
      fc.asyncProperty(garbage, async (text) => {
        onlyOurs(() => parseSignature(text, "a"));
        onlyOurs(() => parsePublicKey(text, "a"));
        const thrown = await parseSecretKey(text, "a", null).catch((error: unknown) => error);
        expect(thrown instanceof Error && !isModelsError(thrown)).toBe(false);
      }),
      { numRuns: 300 },
    );
  });

  it("throws nothing but ModelsError for a good file with one byte altered", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(PREHASHED, LEGACY, PLAIN.secretKey),
        fc.nat(),
        fc.nat(255),
        async (text, at, to) => {
          const bytes = Buffer.from(text);
          bytes[at % bytes.length] = to;
          onlyOurs(() => parseSignature(bytes.toString("latin1"), "a"));
          const thrown = await parseSecretKey(bytes.toString("latin1"), "a", null).catch((error: unknown) => error);
          expect(thrown instanceof Error && !isModelsError(thrown)).toBe(false);
        },
      ),
    );
  });
});

describeWithMinisign("the stock minisign", () => {
  const folderWith = async (files: Readonly<Record<string, string>>): Promise<string> => {
    const folder = await mkdtemp(join(tmpdir(), "modelferry-minisign-"));
    for (const [name, text] of Object.entries({ "a.yaml": CONTENT.toString(), ...files })) {
      await writeFile(join(folder, name), text);
    }
    return folder;
  };

  it("verifies what we sign, and prints our trusted comment", async () => {
    const made = generateSecretKey();
    const comment = "kit=a version=7 sha256=00";
    const folder = await folderWith({
      "k.pub": formatPublicKeyFile(made.publicKey),
      "a.yaml.minisig": formatSignature(signContent(CONTENT, comment, made)),
    });
    const good = minisign(folder, ["-V", "-H", "-p", "k.pub", "-m", "a.yaml"]);
    expect(good).toMatchObject({ code: 0, output: expect.stringContaining(comment) });
    await writeFile(join(folder, "a.yaml"), OTHER);
    expect(minisign(folder, ["-V", "-p", "k.pub", "-m", "a.yaml"]).code).not.toBe(0);
  });

  it("signs with our secret keys, with a password and without, and we verify it", async () => {
    const made = generateSecretKey();
    for (const password of [null, new Secret("pass word")]) {
      const folder = await folderWith({ "k.key": await made.format(password, CHEAP) });
      const input = password === null ? "" : "pass word\n";
      for (const legacy of [[], ["-l"]]) {
        const signed = minisign(folder, ["-S", ...legacy, "-s", "k.key", "-m", "a.yaml", "-t", "hi"], input);
        expect(signed).toMatchObject({ code: 0 });
        const signature = parseSignature(await readFile(join(folder, "a.yaml.minisig"), "utf8"), "a.yaml.minisig");
        expect(signature).toMatchObject({ algorithm: legacy.length === 0 ? "ED" : "Ed", comment: "hi" });
        expect(checkSignature(signature, CONTENT, made.publicKey)).toBeNull();
      }
    }
  });

  it("makes keys that we sign with, and verifies that", async () => {
    const folder = await folderWith({});
    expect(minisign(folder, ["-G", "-W", "-p", "k.pub", "-s", "k.key"]).code).toBe(0);
    const secret = await parseSecretKey(await readFile(join(folder, "k.key"), "utf8"), "k.key", null);
    await writeFile(join(folder, "a.yaml.minisig"), formatSignature(signContent(CONTENT, "x", secret)));
    expect(minisign(folder, ["-V", "-p", "k.pub", "-m", "a.yaml"])).toMatchObject({ code: 0 });
  });
});
