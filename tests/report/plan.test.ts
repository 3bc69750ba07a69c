import { describe, expect, it } from "vitest";
import { planLines } from "../../src/report/plan.ts";
import { plainStyle } from "../../src/report/style.ts";
import { plan } from "./feeds.ts";

const pipe = { width: null, style: plainStyle };

describe("planLines()", () => {
  it("shows each file with size, action and source, then what it costs", () => {
    expect(planLines(plan, { width: 100, style: plainStyle })).toEqual([
      "file                                     size  action         from",
      "diffusion_models/schnell.safetensors  24.0 GB  fetch          hf://black-forest-l…ell.safetensors +1",
      "text_encoders/t5xxl.safetensors       10.0 GB  resume at 40%  r2://weights/t5xxl.safetensors",
      "text_encoders/clip.safetensors         246 MB  reuse          /cache/blobs/aa",
      "vae/ae.safetensors                     335 MB  present",
      "",
      "to fetch  30.0 GB",
      "to reuse  246 MB",
      "present   1 of 4 models",
      "free      812 GB in /comfyui/models",
    ]);
  });

  it("says which files are to lose their places, and which only if they turn out wrong", () => {
    const lines = plan.lines.map((line, index) => {
      if (index === 0) return { ...line, replaces: { size: 12e6, status: "wrong-size" as const } };
      return index === 2
        ? { ...line, from: [line.path], replaces: { size: 246e6, status: "unverified" as const } }
        : line;
    });
    const text = planLines({ ...plan, lines }, { width: 110, style: plainStyle });
    expect(text[1]).toMatch(/24\.0 GB {2}replace {3}/);
    expect(text[3]).toMatch(/246 MB {2}reuse if right {2}/);
    expect(text).toContain("replaces  diffusion_models/schnell.safetensors: a file of 12.0 MB with another size");
    expect(text).toContain(
      "replaces  text_encoders/clip.safetensors: a file of 246 MB with unknown bytes, unless it is the right one",
    );
  });

  it("warns when the disk is too small, and of sizes that nobody knows", () => {
    const lines = plan.lines.map((line, index) => (index === 0 ? { ...line, size: null, fetchBytes: null } : line));
    const text = planLines({ ...plan, lines, freeBytes: 20e9 }, pipe).join("\n");
    expect(text).toContain("to fetch  30.0 GB, and 1 file of unknown size");
    expect(text).toContain("free      20.0 GB in /comfyui/models (10.0 GB too little)");
    expect(text).toContain("@741f7c3ce8b383c54771c7003378a50191e9efe9/");
  });
});
