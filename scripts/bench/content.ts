/** What is served: safetensors files of exact sizes, the same bytes on every machine. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { makeSafetensors } from "../../tests/origins/weights.ts";
import type { Served } from "./terms.ts";

/** Writes one file for each size into `folder`, named after `stem`. */
export async function writeServed(folder: string, stem: string, sizes: readonly number[]): Promise<readonly Served[]> {
  await mkdir(folder, { recursive: true, mode: 0o755 });
  const served: Served[] = [];
  for (const [index, size] of sizes.entries()) {
    const name = sizes.length === 1 ? `${stem}.safetensors` : `${stem}-${String(index).padStart(4, "0")}.safetensors`;
    const weights = makeSafetensors({ size, seed: `bench ${name}`, shape: size < 1_000_000 ? "lora" : "diffusion" });
    const path = join(folder, name);
    await weights.writeTo(path);
    served.push({ name, path, size, sha256: await weights.sha256() });
  }
  return served;
}

export const totalBytes = (files: readonly Served[]): number => files.reduce((sum, { size }) => sum + size, 0);
