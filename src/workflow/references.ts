/** Lists every file of weights that a workflow asks for. Pure. */
import type { Asking, Found } from "./asking.ts";
import { indexDeclarations } from "./declarations.ts";
import { joinAskings } from "./join.ts";
import { readKnownClass } from "./known-class.ts";
import { baseName, isWeightName, nameInAddress, slashed } from "./names.ts";
import { baseFamily, readPresets } from "./presets.ts";
import { EMBEDDING_ENDINGS, embeddingNames } from "./prompts.ts";
import { openReading, type Reading } from "./reading.ts";
import type { Reference, References } from "./reference.ts";
import type { Registry } from "./registry.ts";
import { readUnknown, textsInside } from "./unknown-values.ts";
import type { Workflow } from "./workflow.ts";

/** Everything that the nodes of `workflow` name or need, each file once, what is known best first. */
export function referencesOf(workflow: Workflow, registry: Registry): References {
  const found: Found = { askings: [], warnings: [...workflow.warnings] };
  const readings = workflow.nodes.map(openReading);
  const inferred: Asking[] = [];
  for (const reading of readings) {
    const inputs = registry.inputsOf(reading.node);
    if (inputs !== null) readKnownClass(reading, inputs, found);
    readEmbeddings(reading, registry, found);
    inferred.push(...readUnknown(reading, registry));
  }
  addPresets(readings, registry, found);
  const declarations = indexDeclarations(workflow);
  const askings = [...found.askings, ...unexplained(inferred, found.askings)];
  const { references, outside } = joinAskings(askings, declarations);
  const warnings = [...found.warnings, ...references.flatMap(addressWarning)];
  return { references, outside, warnings: [...new Set(warnings)] };
}

function addPresets(readings: readonly Reading[], registry: Registry, found: Found): void {
  const named = [...found.askings];
  let base: string | null | undefined;
  const family = (): string | null => {
    if (base === undefined) base = baseFamily(named);
    return base;
  };
  for (const reading of readings) readPresets(reading, registry, family, found);
}

/** Any text may be a prompt by the time it is encoded, and `embedding:` means nothing else. */
function readEmbeddings(reading: Reading, registry: Registry, found: Found): void {
  const { node } = reading;
  const prompts = registry.inputsOf(node)?.filter((loader) => loader.written === "embeddings") ?? [];
  const linked = prompts.flatMap((loader) => {
    const read = node.fed.has(loader.input) ? reading.at(loader.input, loader.index) : { kind: "absent" as const };
    return read.kind === "value" && typeof read.value === "string" ? [{ input: loader.input, text: read.value }] : [];
  });
  const own = node.slots.flatMap((slot) => textsInside(slot.value).map((text) => ({ input: slot.name ?? "", text })));
  for (const { input, text } of [...own, ...linked]) {
    for (const raw of embeddingNames(text)) {
      const endings = isWeightName(raw) ? {} : { endings: EMBEDDING_ENDINGS };
      found.askings.push({ node, input, raw, folders: ["embeddings"], how: "prompt", ...endings });
    }
  }
}

/** A selector's own value is explained when the loader that it feeds has named it. */
function unexplained(inferred: readonly Asking[], askings: readonly Asking[]): readonly Asking[] {
  const explained = new Set(askings.flatMap(({ from, raw }) => (from ? [`${from}\n${slashed(raw)}`] : [])));
  return inferred.filter(({ node, raw }) => !explained.has(`${node.id}\n${slashed(raw)}`));
}

/** Authors copy declarations and forget the address: worth a look before it is fetched. */
function addressWarning({ name, declared }: Reference): readonly string[] {
  const file = declared === undefined ? null : nameInAddress(declared.url);
  if (file === null || file === baseName(name)) return [];
  return [`${name} is declared with an address that ends in ${file}`];
}
