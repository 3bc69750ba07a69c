/** The stand-in for ComfyUI answers as the real one was seen to. */
import { describe, expect, it } from "vitest";
import { startComfyui } from "./comfyui.ts";

const json = async (url: string): Promise<unknown> => await (await fetch(url)).json();

describe("startComfyui()", () => {
  it("lists kinds, files and directories, and knows no older name of a kind", async () => {
    await using comfyui = await startComfyui({
      kinds: {
        diffusion_models: { names: ["x.safetensors"], directories: ["/m/unet", "/m/diffusion_models"] },
        configs: { names: [] },
      },
      classes: {},
    });
    expect(await json(`${comfyui.url}/models`)).toEqual(["diffusion_models", "configs"]);
    expect(await json(`${comfyui.url}/models/diffusion_models`)).toEqual(["x.safetensors"]);
    expect((await fetch(`${comfyui.url}/models/unet`)).status).toBe(404);
    expect(await json(`${comfyui.url}/experiment/models`)).toMatchObject([
      { name: "diffusion_models", folders: ["/m/unet", "/m/diffusion_models", "/comfyui/output/diffusion_models"] },
    ]);
  });

  it("describes one class or all, in either schema", async () => {
    await using comfyui = await startComfyui({
      kinds: { vae: { names: ["ae.safetensors"] } },
      classes: {
        Old: { required: { vae_name: { files: "vae", before: ["None"] } } },
        New: { required: { vae_name: { files: "vae", schema: "v3" } } },
      },
    });
    expect(await json(`${comfyui.url}/object_info/Old`)).toMatchObject({
      Old: {
        input: { required: { vae_name: [["None", "ae.safetensors"], {}] } },
        input_order: { required: ["vae_name"] },
      },
    });
    expect(await json(`${comfyui.url}/object_info`)).toMatchObject({
      New: { input: { required: { vae_name: ["COMBO", { options: ["ae.safetensors"] }] } } },
    });
    expect(await json(`${comfyui.url}/object_info/Absent`)).toEqual({});
  });
});
