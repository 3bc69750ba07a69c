/** The bundles of model-signing, verified by Sigstore's own verifier; the JSON itself is held against what PyPI's tool writes. */
import { createHash, createPublicKey } from "node:crypto";
import { bundleFromJSON } from "@sigstore/bundle";
import { toSignedEntity, Verifier } from "@sigstore/verify";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isModelsError } from "../../src/base/errors.ts";
import { Secret } from "../../src/base/secret.ts";
import { generateBundleKey, keyHint, modelBundle, readBundleKey } from "../../src/trust/model-signing.ts";
import { sha256Of } from "./signing.ts";

const pair = generateBundleKey(null);
const key = readBundleKey(pair.secret, "a.key", null);
const publicKey = createPublicKey(pair.public);
const HELLO = sha256Of(Buffer.from("hello"));
const WORLD = sha256Of(Buffer.from("world"));
const MODEL = {
  name: "model",
  resources: [
    { name: "d/b.bin", sha256: WORLD },
    { name: "a.bin", sha256: HELLO },
  ],
};

/** Throws unless the bundle's signature is by `publicKey`; no log and no time is asked for, as with the method "key". */
function verify(text: string): void {
  const found = (hint: string): { publicKey: typeof publicKey; validFor: () => boolean } => {
    if (hint !== keyHint(key)) throw new Error(`no key ${hint}`);
    return { publicKey, validFor: () => true };
  };
  const nobody = { certificateAuthorities: [], timestampAuthorities: [], tlogs: [], ctlogs: [] };
  const verifier = new Verifier(
    { ...nobody, publicKey: found },
    { tlogThreshold: 0, ctlogThreshold: 0, timestampThreshold: 0 },
  );
  verifier.verify(toSignedEntity(bundleFromJSON(JSON.parse(text))));
}

interface Shown {
  readonly dsseEnvelope: { readonly payload: string; readonly payloadType: string };
}

const payloadOf = (text: string): string =>
  Buffer.from((JSON.parse(text) as Shown).dsseEnvelope.payload, "base64").toString();

describe("modelBundle()", () => {
  it("makes a bundle that @sigstore/verify takes", () => {
    expect(() => verify(modelBundle(MODEL, key))).not.toThrow();
  });

  it("is refused by @sigstore/verify after any change of what it says, or of who says it", () => {
    const text = modelBundle(MODEL, key);
    const payload = payloadOf(text);
    const altered = Buffer.from(payload.replace("a.bin", "c.bin")).toString("base64");
    expect(() => verify(text.replace(Buffer.from(payload).toString("base64"), altered))).toThrow();
    const stranger = readBundleKey(generateBundleKey(null).secret, "b.key", null);
    const foreign = modelBundle(MODEL, stranger);
    expect(() => verify(foreign)).toThrow();
    expect(() => verify(foreign.replace(keyHint(stranger), keyHint(key)))).toThrow();
  });

  it("says what model_signing 1.1.1 says of the same files: an in-toto statement with predicate v1.0", () => {
    const text = modelBundle(MODEL, key);
    expect(JSON.parse(text)).toMatchObject({
      mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json",
      verificationMaterial: { publicKey: { hint: createHash("sha256").update(pair.public).digest("hex") } },
      dsseEnvelope: { payloadType: "application/vnd.in-toto+json", signatures: [{ keyid: "" }] },
    });
    expect(JSON.parse(payloadOf(text))).toEqual({
      _type: "https://in-toto.io/Statement/v1",
      // What that tool gave for a.bin ("hello") and d/b.bin ("world").
      subject: [
        { name: "model", digest: { sha256: "7305db9b2abccd706c256db3d97e5ff48d677cfe4d3a5904afb7da0e3950e1e2" } },
      ],
      predicateType: "https://model_signing/signature/v1.0",
      predicate: {
        serialization: {
          method: "files",
          hash_type: "sha256",
          allow_symlinks: false,
          ignore_paths: [".git", ".gitattributes", ".github", ".gitignore"],
        },
        resources: [
          { name: "a.bin", algorithm: "sha256", digest: HELLO },
          { name: "d/b.bin", algorithm: "sha256", digest: WORLD },
        ],
      },
    });
  });

  it("orders files part by part, as that tool does", () => {
    const names = ["a.b", "a/c", "a-b", "a", "é", "Z"];
    const text = modelBundle({ name: "m", resources: names.map((name) => ({ name, sha256: HELLO })) }, key);
    const { predicate } = JSON.parse(payloadOf(text)) as { predicate: { resources: { name: string }[] } };
    expect(predicate.resources.map(({ name }) => name)).toEqual(["Z", "a", "a/c", "a-b", "a.b", "é"]);
  });
});

describe("readBundleKey()", () => {
  it("takes a key with its password, and says what is wrong with any other", () => {
    const masked = generateBundleKey(new Secret("pw")).secret;
    expect(readBundleKey(masked, "a.key", new Secret("pw")).type).toBe("private");
    const refusal = (pem: string, password: Secret | null): unknown => {
      try {
        return readBundleKey(pem, "a.key", password);
      } catch (error) {
        return isModelsError(error, "KEY_INVALID") ? error.message : error;
      }
    };
    expect(refusal(masked, null)).toMatch(/it has a password, and none is given/);
    expect(refusal(masked, new Secret("PW"))).toMatch(/the password is wrong/);
    expect(refusal(pair.public, null)).toMatch(/no private key/);
    fc.assert(
      fc.property(fc.string(), (text) => {
        const pem = `-----BEGIN PRIVATE KEY-----\n${text}\n-----END PRIVATE KEY-----\n`;
        expect(typeof refusal(pem, null)).toBe("string");
      }),
      { numRuns: 50 },
    );
  });
});
