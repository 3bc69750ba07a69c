/** References inside prompt text: `<lora:NAME:0.8>` and `embedding:NAME`. */

/** Endings that ComfyUI tries for an embedding that has none (`comfy/sd1_clip.py`), in its order. */
export const EMBEDDING_ENDINGS: readonly string[] = [".safetensors", ".pt", ".bin"];

/** Names in `<lora:NAME>`, `<lora:NAME:weight>` and `<lora:NAME:weight:weight:LBW=…>`. */
export function loraTags(text: string): readonly string[] {
  if (!text.includes("<")) return [];
  const tags = text.matchAll(/<lora:([^:<>\n]{1,300})(?::[^<>\n]{0,300})?>/gi);
  return [...new Set([...tags].map((tag) => (tag[1] ?? "").trim()))].filter((name) => name !== "");
}

/**
 * Names after `embedding:` at the start of a word or of a weighted part; a weight behind the name is no part of it.
 * The name ends at white space, a bracket or `<`, as ComfyUI's tokenizer cuts it.
 */
export function embeddingNames(text: string): readonly string[] {
  if (!text.includes("embedding:")) return [];
  const tokens = text.matchAll(/(?:^|[\s(){}[\],|>])embedding:([^\s<>()[\]{},|]{1,300})/g);
  const names = [...tokens].map((token) => (token[1] ?? "").replace(/:[\d.]*$/, ""));
  return [...new Set(names)].filter((name) => name !== "");
}
