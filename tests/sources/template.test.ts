/** Templates filled in for one model. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Sha256 } from "../../src/base/artifact.ts";
import { expandTemplate } from "../../src/sources/template.ts";
import { parseSource } from "../../src/sources/uri.ts";

const sha256 = "a".repeat(64) as Sha256;
const subject = { name: "my model", path: "loras/a b#c.safetensors", sha256 };

describe("expandTemplate()", () => {
  it("fills in each part, percent-encoded", () => {
    expect(expandTemplate("https://h/{path}?n={name}", subject)).toBe(
      "https://h/loras/a%20b%23c.safetensors?n=my%20model",
    );
    expect(expandTemplate("r2://bucket/{sha256}", subject)).toBe(`r2://bucket/${sha256}`);
    expect(expandTemplate("https://h/fixed", subject)).toBe("https://h/fixed");
  });

  it("is null when it wants a digest that is not known", () => {
    expect(expandTemplate("https://h/{sha256}", { ...subject, sha256: null })).toBe(null);
  });

  it.each(["{x}", "{}", "{constructor}", "{__proto__}"])("refuses %s without showing a secret", (braces) => {
    const fill = (): unknown => expandTemplate(`https://u:s3cret@h/${braces}?k=s3cret`, subject);
    expect(fill).toThrow(expect.objectContaining({ code: "SOURCE_INVALID" }));
    expect(fill).not.toThrow(/s3cret/);
  });

  it("never lets a name leave its place in the address", () => {
    const part = fc
      .string({ minLength: 1 })
      .filter((text) => !/\p{Surrogate}/u.test(text) && !/[\u0000-\u001f\u007f/]/.test(text) && !/^\.+$/.test(text));
    fc.assert(
      fc.property(part, part, (name, path) => {
        const source = parseSource(expandTemplate("r2://bucket/v1/{name}/{path}", { name, path, sha256 }) ?? "");
        expect(source).toEqual({ kind: "r2", bucket: "bucket", key: `v1/${name}/${path}` });
        const url = new URL(expandTemplate("https://h/{path}?n={name}", { name, path, sha256 }) ?? "");
        expect(url.host).toBe("h");
        expect(url.hash).toBe("");
        expect(url.searchParams.get("n")).toBe(name);
      }),
    );
  });
});
