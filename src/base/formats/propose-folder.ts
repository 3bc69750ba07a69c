/** Which of ComfyUI's folders a weights file belongs to, told by its tensors' names, then by its own. Pure. */

/** What is known of a file. */
export interface WeightsFacts {
  /** Names of its tensors; empty when the format does not tell. */
  readonly tensors: readonly string[];
  /** `__metadata__` of a safetensors file, or the texts of a GGUF header. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Its name, or the path at which its publisher keeps it. */
  readonly path: string;
}

type Has = (pattern: RegExp) => boolean;

/**
 * Rules by tensors' names, the most telling first: what makes a file an adapter beats what it adapts, and what makes a
 * file whole beats its parts.
 */
const BY_TENSORS: readonly (readonly [folder: string, is: (has: Has, count: number) => boolean])[] = [
  [
    "loras",
    (has) =>
      has(
        /(?:\.|_)lora[_.](?:up|down|A|B|mid)\b|\.lora_(?:up|down|A|B)\.|\.hada_w\d_[ab]$|\.lokr_w\d|\.oft_(?:blocks|diag)$|\.dora_scale$|^lora_(?:unet|te\d?)_/,
      ),
  ],
  [
    "ipadapter",
    (has) =>
      has(/^(?:ip_adapter|image_proj)\./) && has(/^(?:ip_adapter|image_proj)\..*(?:to_[kv]_ip|latents|norm|proj)/),
  ],
  ["style_models", (has) => has(/^redux_(?:up|down)\.|^style_embedding$/)],
  [
    "controlnet",
    (has) =>
      has(
        /(?:^|\.)control_model\.|^controlnet_(?:cond_embedding|down_blocks|mid_block|blocks|single_blocks|x_embedder)\b|^(?:zero_convs|input_hint_block)\.|^lora_controlnet$|^(?:body|adapter\.body)\.\d+\.in_conv\.|^task_embedding$/,
      ),
  ],
  [
    "checkpoints",
    (has) =>
      has(/(?:^|\.)(?:diffusion_model|double_blocks|transformer_blocks|joint_blocks)\./) &&
      has(/^(?:first_stage_model|vae)\./),
  ],
  [
    "checkpoints",
    (has) => has(/^model\.diffusion_model\./) && has(/^(?:cond_stage_model|conditioner|text_encoders)\./),
  ],
  [
    "clip_vision",
    (has) =>
      has(/^(?:vision_model|visual)\.|^(?:image_encoder|vision_tower)\./) &&
      !has(/^(?:text_model|model\.(?:embed_tokens|layers)|transformer\.resblocks|shared\.weight)/),
  ],
  [
    "text_encoders",
    (has) =>
      has(
        /^(?:text_model|transformer\.text_model)\.|^(?:encoder\.block\.\d+\.layer|shared\.weight|encoder\.embed_tokens)|^(?:model\.)?(?:embed_tokens|layers\.\d+\.(?:self_attn|mlp)\.)|^(?:token_embedding|transformer\.resblocks|text_projection)\b|^(?:token_embd|blk\.\d+\.attn_q)\./,
      ),
  ],
  ["vae_approx", (has) => has(/^(?:taesd_|vae_scale$)/)],
  [
    "vae",
    (has) =>
      has(
        /^(?:first_stage_model\.)?(?:decoder|encoder)\.(?:conv_in|mid|up|down|up_blocks|down_blocks|mid_block|upsamples|middle|conv1)\b/,
      ) && !has(/^model\.diffusion_model\./),
  ],
  ["embeddings", (has, count) => count <= 8 && has(/^(?:emb_params|string_to_param|clip_[lg]|t5xxl)$/)],
  [
    "upscale_models",
    (has) =>
      has(
        /^(?:model\.\d+\.(?:sub\.\d+\.)?(?:RDB\d|weight)|conv_first\.|RRDB_trunk\.|body\.\d+\.rdb\d|upconv\d|layers\.\d+\.residual_group|(?:params_ema\.)?conv_first)/,
      ),
  ],
  [
    "diffusion_models",
    (has) =>
      has(
        /^(?:model\.diffusion_model\.|diffusion_model\.)?(?:double_blocks|single_blocks|single_transformer_blocks|transformer_blocks|joint_blocks|blocks\.\d+|input_blocks|down_blocks|output_blocks|layers\.\d+\.(?:attention|adaLN_modulation)|patch_embedding|x_embedder|img_in)\b/,
      ),
  ],
];

/** Rules by the name, or a folder in the publisher's own path. */
const BY_PATH: readonly (readonly [folder: string, is: RegExp])[] = [
  ["loras", /(?:^|[/_.-])(?:loras?|lycoris|lokr|loha)(?:[/_.-]|$)/i],
  ["controlnet", /control[-_]?net|control[-_]lora|t2i[-_]?adapter/i],
  ["clip_vision", /clip[-_]?vision|image[-_]encoder|sigclip/i],
  ["ipadapter", /ip[-_]?adapter/i],
  ["style_models", /redux|style[-_]model/i],
  [
    "text_encoders",
    /text[-_]encoders?|t5[-_]?xxl|umt5|(?:^|[/_.-])clip[-_][lgh](?:[/_.-]|$)|qwen.*vl|llava|gemma|byt5/i,
  ],
  ["vae_approx", /taesd|taef1|vae[-_]approx/i],
  ["vae", /(?:^|[/_.-])(?:vae|ae)(?:[/_.-]|$)/i],
  ["upscale_models", /esrgan|ultrasharp|upscale|swinir|(?:^|[/_.-])\d+x[-_]|[-_]x[248](?:[_.-]|$)/i],
  ["embeddings", /embedding|textual[-_]inversion|(?:^|[/_.-])ti[-_]/i],
  ["diffusion_models", /diffusion[-_]models?|(?:^|[/_.-])(?:unet|transformer|dit)(?:[/_.-]|$)/i],
];

/** What comes through a folder name when nothing says more. */
const DEFAULT_FOLDER = "checkpoints";

/** The folder below the models folder. */
export function proposeFolder({ tensors, metadata, path }: WeightsFacts): string {
  const has: Has = (pattern) => tensors.some((name) => pattern.test(name));
  const known = tensors.length === 0 ? undefined : BY_TENSORS.find(([, is]) => is(has, tensors.length));
  if (known !== undefined) return known[0];
  if (/\/lora$|^lora$/i.test(metadata["modelspec.architecture"] ?? "") || "ss_network_module" in metadata)
    return "loras";
  return BY_PATH.find(([, is]) => is.test(path))?.[0] ?? DEFAULT_FOLDER;
}

/** Tensors' names and metadata of a safetensors header (its JSON), or nothing when it is none. Never throws. */
export function tensorsIn(header: string): Pick<WeightsFacts, "tensors" | "metadata"> {
  try {
    const { __metadata__: metadata, ...tensors } = JSON.parse(header) as Record<string, unknown>;
    const texts = typeof metadata === "object" && metadata !== null ? Object.entries(metadata) : [];
    return {
      tensors: Object.keys(tensors),
      metadata: Object.fromEntries(texts.filter(([, value]) => typeof value === "string")) as Record<string, string>,
    };
  } catch {
    return { tensors: [], metadata: {} };
  }
}
