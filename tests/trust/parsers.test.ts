/** What others write is never believed before it is understood, and nothing that they write breaks a reader. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isModelsError } from "../../src/base/errors.ts";
import { type DocumentKind, formatBinding, parseBinding } from "../../src/trust/binding.ts";
import { examine } from "../../src/trust/examine.ts";
import { documentName, printedPlace, signaturePlace } from "../../src/trust/places.ts";
import { formatSeen, parseSeen } from "../../src/trust/seen-versions.ts";
import { keyNamed, sha256Of, signatureFor } from "./signing.ts";

const SHA = sha256Of(Buffer.from("x"));
const studio = {
  name: "studio",
  publicKey: keyNamed("studio").publicKey,
  kits: null,
  paths: null,
  notAfter: null,
  isRevoked: false,
  vouchedBy: null,
};

const text = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string(),
  fc.json(),
  fc
    .array(
      fc.constantFrom("kit=", "version=", "sha256=", "kind=", " ", "1", "%", "%zz", SHA, "flux", "kit", "\t", "\n"),
    )
    .map((parts) => parts.join("")),
);

describe("parseBinding()", () => {
  it("gives back what formatBinding() wrote, whatever the name", () => {
    const kinds: readonly (DocumentKind | null)[] = ["manifest", "kit", "lockfile", "pieces", "key", null];
    fc.assert(
      fc.property(
        fc.string({ minLength: 1, unit: "grapheme" }),
        fc.nat(999_999_999_999_999),
        fc.constantFrom(...kinds),
        (name, version, kind) => {
          const binding = { name, version, sha256: SHA, kind };
          const comment = formatBinding(binding);
          expect(comment).toMatch(/^kit=\S+ version=\d+ sha256=[0-9a-f]{64}( kind=[a-z]+)?$/);
          expect(parseBinding(comment)).toEqual(binding);
        },
      ),
    );
  });

  it("takes a comment with other words beside, and none that is doubtful", () => {
    expect(parseBinding(`kit=flux version=3 sha256=${SHA} timestamp=5 anything else`)?.version).toBe(3);
    for (const doubtful of [
      "",
      "timestamp:1\tfile:a",
      `kit=a kit=b version=1 sha256=${SHA}`,
      `kit= version=1 sha256=${SHA}`,
      `kit=a version=01 sha256=${SHA}`,
      `kit=a version=-1 sha256=${SHA}`,
      `kit=a version=1e3 sha256=${SHA}`,
      `kit=a version=9999999999999999 sha256=${SHA}`,
      `kit=a version=1 sha256=${SHA.toUpperCase()}`,
      `kit=a version=1 sha256=${SHA} kind=other`,
      `kit=%zz version=1 sha256=${SHA}`,
    ]) {
      expect(parseBinding(doubtful), doubtful).toBeNull();
    }
  });

  it("never throws", () => {
    fc.assert(fc.property(text, (comment) => void parseBinding(comment)));
  });
});

describe("parseSeen()", () => {
  it("gives back what formatSeen() wrote, and throws nothing but ModelsError", () => {
    const seen = new Map([
      ["kit b", { version: 2, sha256: SHA }],
      ["kit a", { version: 1, sha256: SHA }],
    ]);
    expect([...parseSeen(formatSeen(seen), "x")].sort()).toEqual([...seen].sort());
    expect(formatSeen(parseSeen(formatSeen(seen), "x"))).toBe(formatSeen(seen));
    fc.assert(
      fc.property(text, (garbage) => {
        try {
          parseSeen(garbage, "seen-versions.json");
        } catch (error) {
          expect(isModelsError(error, "ROLLBACK_REFUSED")).toBe(true);
        }
      }),
    );
  });
});

describe("examine()", () => {
  it("lets nothing in but what was signed, and throws nothing but ModelsError", () => {
    const content = Buffer.from("version: 1\nmodels: []\n");
    const document = { kind: "manifest" as const, name: "team", file: "team.yaml", content };
    const trust = { keyring: [studio], now: 0 };
    const good = signatureFor("team.yaml", content, { key: keyNamed("studio") });
    expect(examine(document, good, trust).version).toBe(1);
    const altered = fc.tuple(fc.nat(good.length - 1), fc.nat(127)).map(([at, code]) => {
      const letter = String.fromCharCode(code);
      return good[at] === letter ? null : good.slice(0, at) + letter + good.slice(at + 1);
    });
    fc.assert(
      fc.property(fc.oneof(altered, text), (signature) => {
        try {
          const proof = examine(document, signature, trust);
          // Only the first line, which nobody signs, may be another.
          expect(signature?.split("\n").slice(1)).toEqual(good.split("\n").slice(1));
          expect(proof.signer.name).toBe("studio");
        } catch (error) {
          expect(isModelsError(error, "SIGNATURE_MISSING", "SIGNATURE_INVALID", "SIGNATURE_UNTRUSTED")).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe("documentName() and signaturePlace()", () => {
  it.each([
    ["/a/kits/flux.yaml", "flux", "/a/kits/flux.yaml.minisig"],
    ["https://h/kits/flux.yml?token=x", "flux", "https://h/kits/flux.yml.minisig?token=x"],
    ["https://h/my%20kit.json#top", "my kit", "https://h/my%20kit.json.minisig#top"],
    ["s3://bucket/m/team.yaml", "team", "s3://bucket/m/team.yaml.minisig"],
    ["r2://b/a.safetensors.pieces", "a.safetensors", "r2://b/a.safetensors.pieces.minisig"],
    ["models.lock.yaml", "models.lock", "models.lock.yaml.minisig"],
    ["C:\\kits\\flux.yaml", "flux", "C:\\kits\\flux.yaml.minisig"],
  ])("read %s", (place, name, signature) => {
    expect(documentName(place)).toBe(name);
    expect(signaturePlace(place)).toBe(signature);
  });

  it("never throw", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          text,
          text.map((rest) => `https://host/${rest}`),
        ),
        (place) => {
          documentName(place);
          signaturePlace(place);
          printedPlace(place);
        },
      ),
    );
  });
});
