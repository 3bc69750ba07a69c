/** readExtraPaths(): ComfyUI's own format, read as ComfyUI reads it. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ExtraFolder, readExtraPaths } from "../../src/catalog/extra-paths.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "modelferry-extra-"));
});
afterAll(async () => await rm(folder, { recursive: true, force: true }));

async function read(text: string, environment = {}): Promise<readonly ExtraFolder[]> {
  const file = join(folder, "extra_model_paths.yaml");
  await writeFile(file, text);
  return await readExtraPaths(file, environment);
}

describe("readExtraPaths()", () => {
  it("joins base_path and every line, relative to the file", async () => {
    const text =
      "a111:\n  base_path: webui\n  checkpoints: models/Stable-diffusion\n  loras: |\n    models/Lora\n    /abs/Lora\n";
    expect(await read(text)).toEqual([
      { folder: "checkpoints", directory: join(folder, "webui/models/Stable-diffusion") },
      { folder: "loras", directory: join(folder, "webui/models/Lora") },
      { folder: "loras", directory: "/abs/Lora" },
    ]);
  });

  it("opens ~ and variables in base_path, and leaves one that is not set as it is", async () => {
    const text =
      "a:\n  base_path: ~/m\n  vae: v\nb:\n  base_path: $DISK/m\n  vae: v\nc:\n  base_path: /x/$NOPE\n  vae: v\n";
    const directories = (await read(text, { HOME: "/home/me", DISK: "/disk" })).map(({ directory }) => directory);
    expect(directories).toEqual(["/home/me/m/v", "/disk/m/v", "/x/$NOPE/v"]);
  });

  it("puts the folders of a default section first, and skips an empty section or file", async () => {
    const text = "a:\n  vae: a\nempty:\nb:\n  is_default: true\n  vae: b\n";
    expect((await read(text)).map(({ directory }) => directory)).toEqual([join(folder, "b"), join(folder, "a")]);
    expect(await read("# nothing\n")).toEqual([]);
  });

  it("says where the file is wrong", async () => {
    const error = await read("a:\n  vae: [x]\nb: 7\n").catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "CONFIG_INVALID" });
    expect(String(error)).toContain('extra_model_paths.yaml:2:8: "vae" is no path');
    expect(String(error)).toContain('extra_model_paths.yaml:3:4: section "b" holds no folders');
    await expect(readExtraPaths(join(folder, "absent.yaml"), {})).rejects.toMatchObject({ code: "CONFIG_INVALID" });
    await expect(read("- a\n")).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  });
});
