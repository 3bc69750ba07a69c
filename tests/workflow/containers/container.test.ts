/** Every kind of file that holds a graph, whole, damaged and empty. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { openContainer } from "../../../src/workflow/containers/container.ts";
import { readWorkflow } from "../../../src/workflow/read.ts";
import * as build from "../fixtures/containers.ts";
import { apiNode, uiGraph, uiNode } from "../fixtures/graphs.ts";
import { places } from "../fixtures/registry.ts";

const prompt = JSON.stringify({
  "4": apiNode("LoraLoader", { lora_name: "größe.safetensors", note: "x".repeat(3000) }),
});
const workflow = JSON.stringify(uiGraph([uiNode({ id: 4, type: "LoraLoader", widgets: ["größe.safetensors"] })]));
const texts = { prompt, workflow };

const FILES: readonly (readonly [string, Buffer])[] = [
  ["PNG with tEXt", build.png(texts)],
  ["PNG with iTXt", build.png(texts, "iTXt")],
  ["PNG with compressed iTXt", build.png(texts, "zip")],
  ["PNG with zTXt", build.png(texts, "zTXt")],
  ["animated PNG with comf", build.png(texts, "comf")],
  ["WebP", build.webp(texts)],
  ["WebP with a prefix", build.webp(texts, "Exif\0\0")],
  ["WebP with capitals", build.webp({ Workflow: workflow, Prompt: prompt })],
  ["JPEG", build.jpeg(texts)],
  ["AVIF", build.avif(texts)],
  ["FLAC", build.flac(texts)],
  ["Opus over several pages", build.ogg(texts)],
  ["Vorbis", build.ogg(texts, "\x03vorbis")],
  ["MP3 with ID3 2.4", build.mp3(texts)],
  ["MP3 with ID3 2.3 in UTF-16", build.mp3(texts, 3, 1)],
  ["WebM", build.webm({ PROMPT: prompt, WORKFLOW: workflow })],
  ["WebM without ends", build.webm({ PROMPT: prompt, WORKFLOW: workflow }, true)],
  ["MP4", build.mp4(texts)],
  ["MOV", build.mp4({ PROMPT: prompt, WORKFLOW: workflow }, true)],
  ["MP4 with a comment", build.mp4Comment(JSON.stringify(texts))],
  ["SVG", Buffer.from(build.svg(texts))],
  ["SVG with entities", Buffer.from(build.svg(texts, false))],
  ["GLB with texts", build.glb(texts)],
  ["GLB with objects", build.glb({ workflow: JSON.parse(workflow) })],
  ["latent", build.safetensors(texts)],
];

describe("openContainer()", () => {
  it.each(FILES)("reads %s", (_, bytes) => {
    expect(places(bytes)).toEqual(["loras/größe.safetensors"]);
  });

  it.each(FILES)("reads %s that has the editor's graph alone", (label, bytes) => {
    const only = openContainer(bytes)?.texts.get("workflow");
    if (only === undefined) return expect(label).toMatch(/comment|SVG/);
    expect(places(only)).toEqual(["loras/größe.safetensors"]);
  });

  it("reads of two different graphs the one that the editor opens", () => {
    const other = prompt.replace("größe", "other");
    expect(places(build.png({ prompt: other, workflow }))).toEqual(["loras/größe.safetensors"]);
    expect(places({ prompt: JSON.parse(other), workflow: JSON.parse(workflow) })).toEqual(["loras/other.safetensors"]);
  });

  it("says what a file without a graph does hold", () => {
    expect(() => readWorkflow(build.png({ parameters: "a cat, Steps: 20" }), { at: "a.png" })).toThrow(
      expect.objectContaining({ code: "WORKFLOW_INVALID", message: expect.stringContaining("(parameters)") }),
    );
    expect(() => readWorkflow(build.webp({}), { at: "a.webp" })).toThrow(/this WebP file holds no texts/);
  });

  it("gives what comes before the end of a file that was cut short", () => {
    const bytes = build.png({ prompt, workflow });
    expect(places(bytes.subarray(0, bytes.indexOf("workflow")))).toEqual(["loras/größe.safetensors"]);
  });

  it("takes JSON for no container", () => {
    expect(openContainer(Buffer.from(prompt))).toBeNull();
  });

  it("opens no more than 1,000 texts, and of two with one name the first", () => {
    const many = Object.fromEntries(Array.from({ length: 1200 }, (_, index) => [`k${index}`, "{}"]));
    expect(openContainer(build.png(many, "zTXt"))?.texts.size).toBe(1000);
    const twice = Buffer.concat([build.png({ prompt }).subarray(0, -12), build.png({ prompt: "other" }).subarray(8)]);
    expect(openContainer(twice)?.texts.get("prompt")).toBe(prompt);
  });

  it("opens compressed texts up to 256 MiB in all: two of 200 MB are not both kept", () => {
    const large = "x".repeat(200_000_000);
    const bytes = build.png({ one: large, two: large, prompt }, "zTXt");
    expect(bytes.length).toBeLessThan(1_000_000);
    expect([...(openContainer(bytes)?.texts.keys() ?? [])]).toEqual(["one", "prompt"]);
  });

  it.each([
    ["MP3", (text: string) => build.mp3({ prompt: text }, 3, 1)],
    ["WebM", (text: string) => build.webm({ PROMPT: text })],
  ])("reads an %s with half a megabyte of zeros inside of a text in no time", (_, write) => {
    const started = performance.now();
    const bytes = write(`{${"\0".repeat(500_000)}}\0\0`);
    expect(openContainer(bytes)?.texts.get("prompt")).toBe(`{${"\0".repeat(500_000)}}`);
    expect(performance.now() - started).toBeLessThan(1500);
  });

  it("never throws and never hangs on damaged files", () => {
    const damaged = fc
      .tuple(
        fc.constantFrom(...FILES.map(([, bytes]) => bytes)),
        fc.nat(),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 8 }),
      )
      .map(([bytes, cut, changes]) => {
        const copy = Buffer.from(bytes.subarray(0, bytes.length - (cut % 2 === 0 ? 0 : cut % bytes.length)));
        for (const [at, value] of changes) copy[at % Math.min(copy.length, 200)] = value;
        return copy;
      });
    fc.assert(
      fc.property(damaged, (bytes) => {
        openContainer(bytes);
      }),
      { numRuns: 2000 },
    );
  });
});
