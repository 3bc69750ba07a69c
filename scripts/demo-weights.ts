/** The four files of the demo: shaped like a FLUX kit, made up from a seed, pinned by the manifest `demo`. */
import { makeSafetensors, type Weights } from "../tests/origins/weights.ts";

export interface DemoModel {
  readonly name: string;
  /** Its place in a ComfyUI `models` folder, and its key in the bucket. */
  readonly path: string;
  /** Its path in the repository. */
  readonly file: string;
  readonly weights: Weights;
}

export const DEMO_REPO: string = "modelferry-demo/flux-in-small";
export const DEMO_COMMIT: string = "5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed";
export const DEMO_BUCKET: string = "modelferry-demo";

/** Made anew at each call; the bytes are always the same. */
export function demoModels(): readonly DemoModel[] {
  const make = (size: number, shape: "diffusion" | "t5" | "clip" | "vae"): Weights =>
    makeSafetensors({ size, shape, seed: `modelferry demo ${shape}` });
  return [
    {
      name: "demo-diffusion",
      path: "diffusion_models/demo-flux.safetensors",
      file: "demo-flux.safetensors",
      weights: make(96_467_968, "diffusion"),
    },
    {
      name: "demo-t5",
      path: "text_encoders/demo-t5xxl.safetensors",
      file: "text_encoders/demo-t5xxl.safetensors",
      weights: make(50_331_904, "t5"),
    },
    {
      name: "demo-clip",
      path: "text_encoders/demo-clip_l.safetensors",
      file: "text_encoders/demo-clip_l.safetensors",
      weights: make(24_614_410, "clip"),
    },
    {
      name: "demo-vae",
      path: "vae/demo-ae.safetensors",
      file: "vae/demo-ae.safetensors",
      weights: make(11_176_613, "vae"),
    },
  ];
}
