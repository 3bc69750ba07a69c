/** Keys and signatures in minisign's format. */
import { createHash } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { Secret } from "../../../src/base/secret.ts";
import { formatBinding, parseBinding } from "../../../src/trust/binding.ts";
import { examine } from "../../../src/trust/examine.ts";
import { readBundleKey } from "../../../src/trust/model-signing.ts";
import { formatPublicKey, formatPublicKeyFile, parsePublicKey } from "../../../src/trust/public-key.ts";
import { parseSecretKey, secretKeyOf } from "../../../src/trust/secret-key.ts";
import { formatSignature, parseSignature, signContent } from "../../../src/trust/signature.ts";
import { mustHold, type Target, textOf, texts } from "../terms.ts";

const KEY = secretKeyOf(Buffer.alloc(32, 7), "0123456789ABCDEF");
const CONTENT = Buffer.from("version: 1\nmodels: []\n");
const BINDING = {
  name: "team",
  version: 3,
  sha256: createHash("sha256").update(CONTENT).digest("hex") as never,
  kind: "manifest" as const,
};
const SIGNED = formatSignature(signContent(CONTENT, formatBinding(BINDING), KEY));
const OTHER = formatSignature(
  signContent(CONTENT, "timestamp:1\tfile:a", secretKeyOf(Buffer.alloc(32, 8), "F".repeat(16))),
);
const KEYRING = [
  { name: "k", publicKey: KEY.publicKey, kits: null, paths: null, notAfter: null, isRevoked: false, vouchedBy: null },
];
const DOCUMENT = { kind: "manifest" as const, name: "team", file: "team.yaml", content: CONTENT };

/** What the first line says is signed by nobody. */
const signedPart = (text: string): string => text.replace(/\r\n/g, "\n").split("\n").slice(1).join("\n").trimEnd();

export const TRUST_TARGETS: readonly Target[] = [
  {
    name: "signature",
    seeds: () => texts(SIGNED, OTHER),
    words: ["untrusted comment: ", "trusted comment: ", "RUS", "RWS", "kit=team", "version=3", "kind=manifest"],
    codes: ["SIGNATURE_INVALID", "SIGNATURE_UNTRUSTED", "SIGNATURE_MISSING"],
    run: (bytes) => {
      const text = textOf(bytes);
      const read = parseSignature(text, "x");
      const again = parseSignature(formatSignature(read), "x");
      mustHold(isDeepStrictEqual([again.keyId, again.algorithm], [read.keyId, read.algorithm]), "it is read again");
      const binding = parseBinding(read.comment);
      if (binding !== null)
        mustHold(isDeepStrictEqual(parseBinding(formatBinding(binding)), binding), "so is its binding");
      examine(DOCUMENT, text, { keyring: KEYRING, now: 0 });
      mustHold(signedPart(text) === signedPart(SIGNED), "only what was signed is let in");
    },
  },
  {
    name: "public-key",
    seeds: () => texts(formatPublicKeyFile(KEY.publicKey), formatPublicKey(KEY.publicKey)),
    words: ["untrusted comment: ", "RW"],
    codes: ["KEY_INVALID"],
    run: (bytes) => {
      const key = parsePublicKey(textOf(bytes), "x");
      mustHold(isDeepStrictEqual(parsePublicKey(formatPublicKeyFile(key), "x"), key), "what is written is read again");
    },
  },
  {
    name: "secret-key",
    seeds: async () =>
      texts(await KEY.format(null), await KEY.format(new Secret("pw"), { operations: 32_768, memory: 16_777_216 })),
    words: ["untrusted comment: ", "RWR", "RWQ"],
    codes: ["KEY_INVALID"],
    run: (bytes) => parseSecretKey(textOf(bytes), "x", null),
  },
  {
    name: "bundle-key",
    seeds: () =>
      texts(
        "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg\n-----END PRIVATE KEY-----\n",
      ),
    words: ["-----BEGIN EC PRIVATE KEY-----", "-----BEGIN ENCRYPTED PRIVATE KEY-----", "Proc-Type: 4,ENCRYPTED"],
    codes: ["KEY_INVALID"],
    run: (bytes) => readBundleKey(textOf(bytes), "x", null),
  },
];
