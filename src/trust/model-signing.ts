/** A signature of model files as OpenSSF's model-signing makes and reads it: a Sigstore bundle with an in-toto statement. */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  hash,
  type KeyObject,
  sign,
} from "node:crypto";
import type { Sha256 } from "../base/artifact.ts";
import { ModelsError } from "../base/errors.ts";
import type { Secret } from "../base/secret.ts";

/** One file of a model. */
export interface Resource {
  /** With forward slashes, from the model's folder; `.` when the model is one file. */
  readonly name: string;
  readonly sha256: Sha256;
}

/** What is in a model, whatever it is called. */
export interface SignableModel {
  /** Of its folder or file. */
  readonly name: string;
  readonly resources: readonly Resource[];
}

/** What model-signing leaves out unless told otherwise, at the top of a model's folder. */
export const IGNORED_PATHS: readonly string[] = [".git", ".gitattributes", ".github", ".gitignore"];

const PAYLOAD_TYPE = "application/vnd.in-toto+json";

/**
 * The text of the bundle (`model.sig`): method "key", which needs no transparency log.
 * Sources: github.com/sigstore/model-transparency (predicate v1.0), the Sigstore bundle v0.3, DSSE v1.
 */
export function modelBundle(model: SignableModel, key: KeyObject): string {
  const payload = Buffer.from(JSON.stringify(statementOf(model)));
  const sig = sign("sha256", preAuthenticated(payload), { key, dsaEncoding: "der" }).toString("base64");
  const bundle = {
    mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json",
    verificationMaterial: { publicKey: { hint: keyHint(key) }, tlogEntries: [] },
    dsseEnvelope: {
      payload: payload.toString("base64"),
      payloadType: PAYLOAD_TYPE,
      signatures: [{ sig, keyid: "" }],
    },
  };
  return `${JSON.stringify(bundle)}\n`;
}

/** What verifiers find the key by: the sha256 of its PEM. */
export function keyHint(key: KeyObject): string {
  const pem = createPublicKey(key).export({ format: "pem", type: "spki" });
  return hash("sha256", pem);
}

/**
 * Reads an EC P-256 key in PEM.
 * @param from how a problem names it
 * @throws ModelsError `KEY_INVALID`
 */
export function readBundleKey(pem: string, from: string, password: Secret | null): KeyObject {
  const key = parsePem(pem, from, password);
  if (key.asymmetricKeyType === "ec" && key.asymmetricKeyDetails?.namedCurve === "prime256v1") return key;
  throw keyError(from, `it is of the kind ${key.asymmetricKeyType}, expected EC P-256`);
}

/** A new key in PEM, and its public half; encrypted when there is a password. */
export function generateBundleKey(password: Secret | null): { readonly secret: string; readonly public: string } {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const cipher = password === null ? {} : { cipher: "aes-256-cbc", passphrase: password.reveal() };
  return {
    secret: privateKey.export({ format: "pem", type: "pkcs8", ...cipher }).toString(),
    public: publicKey.export({ format: "pem", type: "spki" }).toString(),
  };
}

function parsePem(pem: string, from: string, password: Secret | null): KeyObject {
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(pem)) throw keyError(from, "it is no private key in PEM");
  try {
    return createPrivateKey({ key: pem, ...(password === null ? {} : { passphrase: password.reveal() }) });
  } catch (cause) {
    const isMasked = /ENCRYPTED/.test(pem);
    const seen = isMasked && password === null ? "it has a password, and none is given" : "it cannot be read";
    throw keyError(from, isMasked && password !== null ? "the password is wrong" : seen, cause);
  }
}

function keyError(from: string, seen: string, cause?: unknown): ModelsError {
  return new ModelsError("KEY_INVALID", `Cannot use secret key "${from}": ${seen}`, {
    fix: "make one with models keys generate --format model-signing; a password goes into MODELS_KEY_PASSWORD",
    cause,
  });
}

/** The subject is the digest of all digests, in order. */
function statementOf({ name, resources }: SignableModel): unknown {
  const ordered = [...resources].sort((one, other) => comparePaths(one.name, other.name));
  const all = createHash("sha256");
  for (const { sha256 } of ordered) all.update(Buffer.from(sha256, "hex"));
  return {
    _type: "https://in-toto.io/Statement/v1",
    subject: [{ name, digest: { sha256: all.digest("hex") } }],
    predicateType: "https://model_signing/signature/v1.0",
    predicate: {
      serialization: {
        method: "files",
        hash_type: "sha256",
        allow_symlinks: false,
        ignore_paths: IGNORED_PATHS,
      },
      resources: ordered.map((resource) => ({
        name: resource.name,
        algorithm: "sha256",
        digest: resource.sha256,
      })),
    },
  };
}

/** Part by part, by code points, as Python orders paths. */
function comparePaths(one: string, other: string): number {
  const [left, right] = [one.split("/"), other.split("/")];
  for (const [index, part] of left.entries()) {
    const order = Buffer.compare(Buffer.from(part), Buffer.from(right[index] ?? ""));
    if (order !== 0) return order;
  }
  return left.length - right.length;
}

/** DSSE's pre-authentication encoding: github.com/secure-systems-lab/dsse, protocol.md. */
function preAuthenticated(payload: Buffer): Buffer {
  const head = `DSSEv1 ${Buffer.byteLength(PAYLOAD_TYPE)} ${PAYLOAD_TYPE} ${payload.length} `;
  return Buffer.concat([Buffer.from(head), payload]);
}
