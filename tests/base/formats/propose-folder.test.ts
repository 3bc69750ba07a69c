/** Which folder a file belongs to, told by the names of its tensors as real files have them. */
import { describe, expect, it } from "vitest";
import { proposeFolder, tensorsIn } from "../../../src/base/formats/propose-folder.ts";

const byTensors = (tensors: readonly string[], path = "model.safetensors"): string =>
  proposeFolder({ tensors, metadata: {}, path });

describe("proposeFolder()", () => {
  it.each([
    [
      "loras",
      "kohya",
      ["lora_unet_down_blocks_0_attentions_0_proj_in.lora_down.weight", "lora_te1_text_model_x.alpha"],
    ],
    ["loras", "PEFT", ["transformer.transformer_blocks.0.attn.to_k.lora_A.weight", "transformer.x.lora_B.weight"]],
    ["loras", "diffusion_model", ["diffusion_model.blocks.0.cross_attn.k.lora_A.default.weight"]],
    ["loras", "old diffusers", ["unet.down_blocks.0.processor.to_q_lora.down.weight"]],
    ["loras", "LoKr", ["lycoris_blocks_0_attn.lokr_w1", "lycoris_blocks_0_attn.alpha"]],
    ["loras", "LoHa", ["lora_unet_mid_block_attentions_0.hada_w1_a"]],
    [
      "checkpoints",
      "SD 1.5",
      [
        "model.diffusion_model.input_blocks.0.0.weight",
        "first_stage_model.decoder.conv_in.weight",
        "cond_stage_model.transformer.text_model.x",
      ],
    ],
    [
      "checkpoints",
      "SDXL",
      [
        "model.diffusion_model.input_blocks.0.0.weight",
        "conditioner.embedders.0.transformer.x",
        "first_stage_model.encoder.conv_in.weight",
      ],
    ],
    [
      "checkpoints",
      "FLUX all in one",
      [
        "model.diffusion_model.double_blocks.0.img_attn.qkv.weight",
        "vae.decoder.conv_in.weight",
        "text_encoders.t5xxl.x",
      ],
    ],
    [
      "diffusion_models",
      "FLUX",
      ["double_blocks.0.img_attn.norm.key_norm.scale", "img_in.weight", "single_blocks.0.linear1.weight"],
    ],
    [
      "diffusion_models",
      "FLUX of diffusers",
      ["transformer_blocks.0.attn.to_q.weight", "single_transformer_blocks.0.norm.linear.weight", "x_embedder.weight"],
    ],
    [
      "diffusion_models",
      "FLUX with prefix",
      ["model.diffusion_model.double_blocks.0.img_attn.qkv.weight", "model.diffusion_model.img_in.bias"],
    ],
    [
      "diffusion_models",
      "Wan",
      ["blocks.0.self_attn.q.weight", "patch_embedding.weight", "head.head.weight", "text_embedding.0.weight"],
    ],
    ["diffusion_models", "Z-Image", ["layers.0.attention.qkv.weight", "x_embedder.weight", "cap_embedder.0.weight"]],
    [
      "diffusion_models",
      "UNet of diffusers",
      ["down_blocks.0.attentions.0.norm.weight", "conv_in.weight", "time_embedding.linear_1.weight"],
    ],
    [
      "vae",
      "SD",
      [
        "decoder.conv_in.weight",
        "decoder.mid.block_1.conv1.weight",
        "encoder.down.0.block.0.conv1.weight",
        "quant_conv.weight",
      ],
    ],
    ["vae", "diffusers", ["decoder.up_blocks.0.resnets.0.conv1.weight", "encoder.conv_in.weight"]],
    [
      "vae",
      "Wan",
      ["decoder.conv1.weight", "decoder.upsamples.0.residual.0.gamma", "encoder.downsamples.0.x", "conv1.weight"],
    ],
    [
      "text_encoders",
      "CLIP-L",
      ["text_model.encoder.layers.0.self_attn.k_proj.weight", "text_model.embeddings.token_embedding.weight"],
    ],
    [
      "text_encoders",
      "CLIP-G of OpenCLIP",
      ["transformer.resblocks.0.attn.in_proj_weight", "token_embedding.weight", "text_projection"],
    ],
    [
      "text_encoders",
      "T5",
      ["encoder.block.0.layer.0.SelfAttention.k.weight", "shared.weight", "encoder.final_layer_norm.weight"],
    ],
    [
      "text_encoders",
      "Qwen2.5-VL",
      ["model.layers.0.self_attn.q_proj.weight", "model.embed_tokens.weight", "visual.blocks.0.attn.qkv.weight"],
    ],
    ["text_encoders", "Llama", ["model.layers.0.mlp.down_proj.weight", "model.norm.weight"]],
    ["clip_vision", "CLIP-H", ["vision_model.encoder.layers.0.self_attn.k_proj.weight", "visual_projection.weight"]],
    ["clip_vision", "of OpenCLIP", ["visual.transformer.resblocks.0.attn.in_proj_weight", "visual.conv1.weight"]],
    ["controlnet", "SD 1.5", ["control_model.input_blocks.0.0.weight", "control_model.zero_convs.0.0.weight"]],
    [
      "controlnet",
      "diffusers",
      ["controlnet_cond_embedding.conv_in.weight", "controlnet_down_blocks.0.weight", "down_blocks.0.x"],
    ],
    [
      "controlnet",
      "FLUX",
      ["controlnet_blocks.0.weight", "transformer_blocks.0.attn.to_q.weight", "controlnet_x_embedder.weight"],
    ],
    ["controlnet", "control-LoRA", ["lora_controlnet", "input_blocks.1.0.in_layers.2.up", "input_hint_block.0.weight"]],
    [
      "upscale_models",
      "ESRGAN",
      ["model.0.weight", "model.1.sub.0.RDB1.conv1.0.weight", "model.1.sub.22.RDB3.conv5.0.bias"],
    ],
    ["upscale_models", "Real-ESRGAN", ["body.0.rdb1.conv1.weight", "conv_first.weight", "conv_up1.weight"]],
    ["embeddings", "SD 1.5", ["emb_params"]],
    ["embeddings", "SDXL", ["clip_g", "clip_l"]],
    ["ipadapter", "plus", ["image_proj.latents", "image_proj.layers.0.0.norm1.weight", "ip_adapter.1.to_k_ip.weight"]],
    ["style_models", "Redux", ["redux_down.weight", "redux_up.bias"]],
  ] as const)("puts into %s: %s", (folder, _what, tensors) => {
    expect(byTensors(tensors)).toBe(folder);
  });

  it.each([
    ["loras", "org/repo/lora/my-style.gguf"],
    ["text_encoders", "split_files/text_encoders/t5xxl_fp16.bin"],
    ["text_encoders", "umt5-xxl-encoder-Q8_0.gguf"],
    ["vae", "vae/diffusion_pytorch_model.bin"],
    ["vae", "ae.sft"],
    ["controlnet", "ControlNet-v1-1/control_v11p.pth"],
    ["upscale_models", "4x-UltraSharp.pth"],
    ["upscale_models", "RealESRGAN_x4plus.pth"],
    ["clip_vision", "image_encoder/model.bin"],
    ["diffusion_models", "unet/flux1-dev-Q4_K_S.gguf"],
    ["embeddings", "embeddings/EasyNegative.pt"],
    ["checkpoints", "v1-5-pruned-emaonly.ckpt"],
  ])("goes by the name where there is no header: %s for %s", (folder, path) => {
    expect(byTensors([], path)).toBe(folder);
  });

  it("goes by what a trainer wrote into the metadata", () => {
    const metadata = { "modelspec.architecture": "flux-1-dev/lora" };
    expect(proposeFolder({ tensors: ["odd.name"], metadata, path: "x.safetensors" })).toBe("loras");
  });
});

describe("tensorsIn()", () => {
  it("gives names and metadata, and nothing for what is no header", () => {
    const header = JSON.stringify({ __metadata__: { format: "pt", odd: 1 }, a: { dtype: "F16" }, b: {} });
    expect(tensorsIn(header)).toEqual({ tensors: ["a", "b"], metadata: { format: "pt" } });
    for (const text of ["", "no json", "[]", "null", "3"]) expect(tensorsIn(text).tensors).toEqual([]);
  });
});
