/** What the first bytes give away. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isPickleRefusal, quoteHead, sniffWeights } from "../../../src/base/formats/sniff.ts";
import { makeGguf, makeSafetensors } from "../../origins/weights.ts";

const LFS = `version https://git-lfs.github.com/spec/v1\noid sha256:${"a".repeat(64)}\nsize 23782506688\n`;
const PICKLE = Buffer.from([0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc]);
const ZIP = Buffer.from("PK\x03\x04\x00\x00archive/data.pkl", "latin1");
const OPEN = { size: null, allowPickle: true };
const SHUT = { size: null, allowPickle: false };
const sniff = (head: string | Uint8Array, path: string, options = SHUT): string | null =>
  sniffWeights(typeof head === "string" ? Buffer.from(head) : head, path, options);

describe("sniffWeights()", () => {
  it("lets weights pass", () => {
    const safetensors = makeSafetensors({ size: 200_000 });
    const gguf = makeGguf({ size: 200_000 });
    expect(sniffWeights(safetensors.read(0, 65_536), "a/m.safetensors", { size: 200_000, allowPickle: false })).toBe(
      null,
    );
    expect(sniffWeights(gguf.read(0, 65_536), "m.gguf", { size: 200_000, allowPickle: false })).toBe(null);
    expect(sniff(PICKLE, "m.ckpt", OPEN)).toBe(null);
    expect(sniff(ZIP, "m.pth", OPEN)).toBe(null);
    expect(sniff('{"a":1}', "config.json")).toBe(null);
    expect(sniff("a: 1", "config.yaml")).toBe(null);
    expect(sniff(Buffer.alloc(100, 7), "m.bin")).toBe(null);
    expect(sniff(Buffer.from([8, 7, 18, 4]), "m.onnx")).toBe(null);
  });

  it("does not take a header of 640 bytes for a pickle", () => {
    const head = Buffer.concat([Buffer.from([0x80, 0x02, 0, 0, 0, 0, 0, 0]), Buffer.from("{".padEnd(640))]);
    expect(sniffWeights(head.subarray(0, 100), "m.safetensors", { size: 10_000, allowPickle: false })).toBe(null);
  });

  it.each([
    ["nothing", "", "m.safetensors", /is empty/],
    ["a page", "<!DOCTYPE html>\n<html><body>Please log in", "m.safetensors", /is an HTML page \("<!DOCTYPE html>/],
    ["a page after white space", "\n\n  <HTML><head>", "m.ckpt", /HTML page/],
    ["a page with a byte order mark", "\ufeff<html>", "m.gguf", /HTML page/],
    ["a page in place of a configuration", "<!doctype html>", "config.json", /HTML page/],
    ["a refusal in XML", '<?xml version="1.0"?><Error><Code>AccessDenied', "m.bin", /XML document/],
    ["a refusal in XML without a head", "<Error><Code>NoSuchKey", "m.bin", /XML document/],
    ["a refusal in JSON", '{"error":"Unauthorized"}', "m.safetensors", /JSON document \("\{/],
    ["a list in JSON", "[1,2]", "m.pt", /JSON document/],
    ["what git keeps in its place", LFS, "m.safetensors", /git-lfs pointer/],
    ["what git keeps in place of a configuration", LFS, "model.index.json", /git-lfs pointer/],
    ["a pickle", PICKLE, "m.safetensors", /Python pickle/],
    ["a zip archive", ZIP, "m.safetensors", /zip archive/],
    ["another magic", Buffer.from("GGML0000000000000000000000000000"), "m.gguf", /does not begin with "GGUF" \("GGML/],
    [
      "a length beyond reason",
      Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0, 0x10, 0x4a, 0x46]),
      "m.safetensors",
      /safetensors header has .* \(bytes ffd8ffe0/,
    ],
  ])("refuses %s", (_title, head, path, problem) => {
    expect(sniff(head, path)).toMatch(problem);
    if (typeof head !== "string" && !path.endsWith(".bin")) return;
    expect(sniff(head, path, OPEN)).toMatch(problem);
  });

  it("refuses pickles by content, whatever they are called, until they are allowed", () => {
    for (const path of ["m.ckpt", "m.bin", "m.onnx", "m"]) {
      for (const head of [PICKLE, ZIP]) {
        expect(sniff(head, path)).toMatch(/run code/);
        expect(sniff(head, path, OPEN)).toBe(null);
        expect(isPickleRefusal(head, path)).toBe(true);
      }
    }
    expect(isPickleRefusal(PICKLE, "m.safetensors")).toBe(false);
    expect(isPickleRefusal(Buffer.from(LFS), "m.ckpt")).toBe(false);
  });

  it("leaves the content to the digest when that is known, but not another kind of file", () => {
    const pinned = { size: 1000, allowPickle: true, isPinned: true };
    expect(sniffWeights(Buffer.alloc(1000, 7), "m.safetensors", pinned)).toBe(null);
    expect(sniffWeights(Buffer.alloc(1000, 7), "m.gguf", pinned)).toMatch(/GGUF/);
    expect(sniffWeights(Buffer.from(LFS), "m.safetensors", pinned)).toMatch(/git-lfs/);
    expect(sniffWeights(PICKLE, "m.safetensors", pinned)).toMatch(/pickle/);
  });

  it("says something printable about any bytes, and never throws", () => {
    const path = fc.constantFrom("m.safetensors", "m.gguf", "m.ckpt", "m.json", "m");
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 400 }),
        path,
        fc.option(fc.nat()),
        fc.boolean(),
        (head, name, size, allowPickle) => {
          const seen = sniffWeights(head, name, { size, allowPickle });
          expect(seen === null || /^[\x20-\x7e]+$/.test(seen)).toBe(true);
        },
      ),
      { numRuns: 1000 },
    );
  });
});

describe("quoteHead()", () => {
  it("quotes text on one line and shows the rest as hex", () => {
    expect(quoteHead(Buffer.from('<a>\n"x"'))).toBe('"<a>\\n\\"x\\""');
    expect(quoteHead(Buffer.from("\u001b[31mred"))).toBe("bytes 1b5b33316d726564");
  });
});
