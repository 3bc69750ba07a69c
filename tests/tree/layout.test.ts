/** Where things lie below `.modelferry`. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseTreePath } from "../../src/base/paths.ts";
import { createLayout } from "../../src/tree/layout.ts";
import { sha256Of } from "./support.ts";

const layout = createLayout("/models");

describe("createLayout()", () => {
  it("spells partial files so that no ComfyUI folder lists them", () => {
    const sha256 = sha256Of("a");
    const path = parseTreePath("vae/a.safetensors");
    expect(layout.partialOf({ sha256, path })).toEqual({
      content: `/models/.modelferry/partial/${sha256}.part`,
      journal: `/models/.modelferry/partial/${sha256}.journal`,
    });
    const vague = layout.partialOf({ sha256: null, path });
    expect(vague.content).toMatch(/^\/models\/\.modelferry\/partial\/path-[0-9a-f]{40}\.part$/);
    expect(layout.partialOf({ sha256: null, path: parseTreePath("vae/b.safetensors") })).not.toEqual(vague);
  });

  it("puts a receipt at its file's path", () => {
    expect(layout.receiptOf(parseTreePath("vae/a.safetensors"))).toBe(
      "/models/.modelferry/receipts/vae/a.safetensors.json",
    );
  });

  it("makes one plain file name of any key", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (key) => {
        expect(layout.lockOf(key)).toMatch(/^\/models\/\.modelferry\/locks\/[0-9a-z_][0-9a-z._-]{0,110}\.lock$/);
      }),
    );
    expect(layout.lockOf("a/b")).not.toBe(layout.lockOf("a_b"));
    expect(layout.lockOf("A")).not.toBe(layout.lockOf("a"));
  });
});
