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
import type { LoaderInput, Registry } from "./registry.ts";
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
    readEmbeddings(reading, inputs ?? [], found);
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
function readEmbeddings({ node }: Reading, inputs: readonly LoaderInput[], found: Found): void {
  const add = (input: string, text: string): void => {
    for (const raw of embeddingNames(text)) {
      const endings = isWeightName(raw) ? {} : { endings: EMBEDDING_ENDINGS };
      found.askings.push({ node, input, raw, folders: ["embeddings"], how: "prompt", ...endings });
    }
  };
  for (const slot of node.slots) for (const text of textsInside(slot.value)) add(slot.name ?? "", text);
  for (const { input, written } of inputs) {
    const fed = written === "embeddings" ? node.fed.get(input)?.() : undefined;
    if (fed?.kind === "value" && typeof fed.value === "string") add(input, fed.value);
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
