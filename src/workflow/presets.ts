/** Files that nodes need without naming them: by their class, by the value of a widget, by the family of the base model. */
import { type Asking, type Found, nodeLabel } from "./asking.ts";
import { baseName, hasWeightEnding, WEIGHT_ENDINGS } from "./names.ts";
import type { Reading } from "./reading.ts";
import type { Preset, Registry } from "./registry.ts";

/** Adds what the class needs in any case, and for the widget values that the node has. */
export function readPresets(reading: Reading, registry: Registry, base: () => string | null, found: Found): void {
  const presets = registry.presetsOf(reading.node.class).filter((preset) => holds(reading, preset));
  const families = new Set(presets.flatMap((preset) => preset.base ?? []));
  const family = families.size > 1 ? base() : ([...families][0] ?? null);
  for (const preset of presets) {
    if (preset.base === null || preset.base === family) found.askings.push(...asksOf(reading, preset));
  }
  const undecided = presets.filter((preset) => preset.base !== null);
  if (undecided.length > 0 && family === null) found.warnings.push(undecidedWarning(reading, undecided));
}

function undecidedWarning(reading: Reading, presets: readonly Preset[]): string {
  const choices = presets.map((preset) => `${preset.files.join(" and ")} with ${preset.base}`);
  return `${nodeLabel(reading.node)} chooses its files by the base model, which the names here do not tell: ${choices.join(", ")}`;
}

/** Without a name for the widget, the value alone must do: such values are long labels. */
function holds(reading: Reading, preset: Preset): boolean {
  return preset.when.every(({ input, value }) => {
    const read = reading.at(input, null);
    if (read.kind === "value") return read.value === value;
    return reading.node.slots.some((slot) => slot.name === null && slot.value === value);
  });
}

function asksOf(reading: Reading, preset: Preset): readonly Asking[] {
  return preset.files.map((file): Asking => {
    const isFolder = file.endsWith("/");
    const path = isFolder ? file.slice(0, -1) : file;
    const raw = baseName(path);
    const folder = path.slice(0, -raw.length - 1);
    const isOutside = /^(?:~|custom_nodes|hub:)/.test(file);
    const endings = isFolder || hasWeightEnding(raw) ? {} : { endings: WEIGHT_ENDINGS };
    return { node: reading.node, input: "", raw, folders: [folder], how: "preset", isFolder, isOutside, ...endings };
  });
}

const FAMILIES: readonly (readonly [string, RegExp])[] = [
  ["sdxl", /xl|pony|illustrious|noobai|animagine/i],
  ["sd15", /sd[-_ ]?1[-._]?5|sd15|v1[-._]5|1\.5/i],
];

/** The family that the names of the base models tell, or null when they tell none or several. */
export function baseFamily(askings: readonly Asking[]): string | null {
  const models = askings.filter(({ folders: [first] }) => first === "checkpoints" || first === "diffusion_models");
  const families = models.flatMap(({ raw }) => FAMILIES.find(([, pattern]) => pattern.test(raw))?.[0] ?? []);
  const [first = null] = families;
  return families.every((family) => family === first) ? first : null;
}
