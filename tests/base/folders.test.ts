/** Folders by the names that ComfyUI has for them. */
import { describe, expect, it } from "vitest";
import { folderOfKind } from "../../src/base/folders.ts";

describe("folderOfKind()", () => {
  it("knows the kinds of custom nodes, and older names", () => {
    expect(["xlabs_loras", "unet_gguf", "unet", "loras"].map(folderOfKind)).toEqual([
      "xlabs/loras",
      "diffusion_models",
      "diffusion_models",
      "loras",
    ]);
  });

  it.each(["constructor", "hasOwnProperty", "__proto__", "toString"])(
    "takes a kind that a server calls %s for a folder of this name",
    (kind) => expect(folderOfKind(kind)).toBe(kind),
  );
});
