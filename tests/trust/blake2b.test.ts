import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { blake2b } from "../../src/trust/blake2b.ts";

describe("blake2b()", () => {
  it('gives the digest of "abc" that RFC 7693, appendix A, prints', () => {
    expect(blake2b(Buffer.from("abc"), 64).toString("hex")).toMatch(
      /^ba80a53f981c4d0d6a2797b69f12f6e9.*18d38aa8dbf1925ab92386edd4009923$/,
    );
  });

  it("gives the known digest of 32 bytes, which is no beginning of that of 64", () => {
    const empty = "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8";
    expect(blake2b(Buffer.alloc(0), 32).toString("hex")).toBe(empty);
  });

  it("agrees with OpenSSL on every length of message", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (message) => {
        expect(blake2b(message, 64).equals(createHash("blake2b512").update(message).digest())).toBe(true);
      }),
      { numRuns: 60 },
    );
    for (const length of [0, 1, 127, 128, 129, 255, 256, 257]) {
      const message = Buffer.alloc(length, 7);
      expect(blake2b(message, 64).equals(createHash("blake2b512").update(message).digest())).toBe(true);
    }
  });
});
