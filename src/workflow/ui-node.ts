/** One node and one link as the editor saves them, with everything that is missing or odd made regular. */
import { readDeclared } from "./declared.ts";
import { idOf, isRecord, type Json, listOf, recordsOf, textAt } from "./shapes.ts";
import type { DeclaredModel } from "./workflow.ts";

export interface UiInput {
  readonly name: string;
  /** What people see in place of the name. */
  readonly label: string | null;
  readonly type: string | null;
  /** Id of the link that feeds it, or null. */
  readonly link: string | null;
  /** Name of the widget that this input stands for, or null when it is a socket only. */
  readonly widget: string | null;
}

export interface UiNode {
  readonly id: string;
  readonly class: string;
  readonly isMuted: boolean;
  readonly isBypassed: boolean;
  readonly inputs: readonly UiInput[];
  readonly outputTypes: readonly (string | null)[];
  /** A list of values, or values by name. */
  readonly widgets: readonly unknown[] | Json;
  readonly properties: Json;
  readonly package: string | null;
  readonly declared: readonly DeclaredModel[];
}

export interface UiLink {
  readonly id: string;
  readonly origin: string;
  readonly originSlot: number;
  readonly target: string;
  readonly targetSlot: number;
}

/** LiteGraph's modes: 2 never runs, 4 hands its inputs on. */
const NEVER = 2;
const BYPASS = 4;

/** The node, or null when it has neither an id nor a class. */
export function readUiNode(raw: Json): UiNode | null {
  const [id, type] = [idOf(raw["id"]), textAt(raw, "type")];
  if (id === null || type === null) return null;
  const properties = isRecord(raw["properties"]) ? raw["properties"] : {};
  return {
    id,
    class: type,
    isMuted: raw["mode"] === NEVER,
    isBypassed: raw["mode"] === BYPASS,
    inputs: recordsOf(raw["inputs"]).map(readInput),
    outputTypes: recordsOf(raw["outputs"]).map((output) => textAt(output, "type")),
    widgets: isRecord(raw["widgets_values"]) ? raw["widgets_values"] : listOf(raw["widgets_values"]),
    properties,
    package: textAt(properties, "aux_id") ?? textAt(properties, "cnr_id"),
    declared: readDeclared(properties["models"]),
  };
}

function readInput(raw: Json): UiInput {
  const widget = isRecord(raw["widget"]) ? textAt(raw["widget"], "name") : null;
  return {
    name: textAt(raw, "name") ?? widget ?? "",
    label: textAt(raw, "label"),
    type: textAt(raw, "type"),
    link: idOf(raw["link"]),
    widget,
  };
}

/** A link written as `[id, origin, slot, target, slot, type]` or as an object, or null when it is neither. */
export function readUiLink(raw: unknown): UiLink | null {
  const parts = Array.isArray(raw) ? raw : isRecord(raw) ? LINK_KEYS.map((key) => raw[key]) : [];
  const [id, origin, target] = [idOf(parts[0]), idOf(parts[1]), idOf(parts[3])];
  if (id === null || origin === null || target === null) return null;
  return { id, origin, originSlot: slotOf(parts[2]), target, targetSlot: slotOf(parts[4]) };
}

/** Subgraphs number some slots with text. */
function slotOf(value: unknown): number {
  return (typeof value === "number" || typeof value === "string" ? Number(value) : 0) || 0;
}

const LINK_KEYS = ["id", "origin_id", "origin_slot", "target_id", "target_slot"] as const;
