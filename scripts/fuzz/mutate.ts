/** Makes a bad input of a good one. */
import { BYTE_CHANGES, MAX_INPUT, type Material } from "./mutate-bytes.ts";
import { mutateJson } from "./mutate-json.ts";

/** `bytes` with a few changes: as a tree where they are JSON (or lines of it), as bytes else, or as both. */
export function mutate(bytes: Uint8Array, material: Material): Uint8Array {
  const { random } = material;
  let made: Buffer = Buffer.from(bytes);
  if (random.once(2)) made = asTree(made, material);
  const changes = random.once(3) && made.length !== bytes.length ? 0 : random.below(random.once(4) ? 12 : 3) + 1;
  for (let left = changes; left > 0; left -= 1) made = Buffer.from(random.pick(BYTE_CHANGES)(made, material));
  return made.subarray(0, MAX_INPUT);
}

function asTree(bytes: Buffer, material: Material): Buffer {
  const text = bytes.toString("utf8");
  if (!/^[\s\ufeff]*[{[]/.test(text)) return bytes;
  const whole = mutateJson(text, material);
  if (whole !== null) return Buffer.from(whole);
  const lines = text.split("\n");
  const at = material.random.below(lines.length);
  return Buffer.from(
    lines.map((line, index) => (index === at ? (mutateJson(line, material) ?? line) : line)).join("\n"),
  );
}
