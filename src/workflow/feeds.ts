/** Follows a link of the editor's graph back to the value that it carries: through relays, primitives, and in and out of subgraphs. */
import { constantOf } from "./constant.ts";
import type { Overrides } from "./overrides.ts";
import { promotedValues } from "./promoted.ts";
import type { Scope } from "./scopes.ts";
import type { UiInput, UiLink, UiNode } from "./ui-node.ts";
import { slotsOf } from "./widgets.ts";
import type { Fed } from "./workflow.ts";

/** Where the walk stands: a link, in the scope that it belongs to. */
interface Place {
  readonly scope: Scope;
  readonly link: string;
}

export interface Feeds {
  readonly follow: (scope: Scope, link: string) => Fed;
}

const ABSENT: Fed = { kind: "absent" };

/** Remembers for every link what it carries, so that each is walked once. */
export function createFeeds(overrides: Overrides): Feeds {
  const known = new Map<Scope, Map<string, Fed>>();
  const setters = new Map<Scope, ReadonlyMap<unknown, UiNode>>();
  const hosted = new Map<Scope, ReadonlyMap<string, unknown>>();
  const memory: Memory = {
    overrides,
    setter: (scope, name) => remembered(setters, scope, settersIn).get(name),
    hostValues: (scope) => remembered(hosted, scope, valuesOfHost),
  };
  return {
    follow: (scope, link) => {
      const walked: Place[] = [];
      let found: Fed | null = null;
      for (let place: Place = { scope, link }; found === null; ) {
        const memo = remembered(known, place.scope, () => new Map<string, Fed>());
        found = memo.get(place.link) ?? null;
        if (found !== null) break;
        // Until the walk is over, coming back to this link means that it feeds itself.
        memo.set(place.link, ABSENT);
        walked.push(place);
        const next = step(place, memory);
        if ("kind" in next) found = next;
        else place = next;
      }
      for (const place of walked) known.get(place.scope)?.set(place.link, found);
      return found;
    },
  };
}

interface Memory {
  readonly overrides: Overrides;
  readonly setter: (scope: Scope, name: unknown) => UiNode | undefined;
  readonly hostValues: (scope: Scope) => ReadonlyMap<string, unknown>;
}

function remembered<V>(memory: Map<Scope, V>, scope: Scope, make: (scope: Scope) => V): V {
  const value = memory.get(scope) ?? make(scope);
  memory.set(scope, value);
  return value;
}

/** One link further towards the value, or the value. */
function step({ scope, link: id }: Place, memory: Memory): Place | Fed {
  const link = scope.links.get(id);
  if (link === undefined) return ABSENT;
  if (scope.host !== null && link.origin === scope.host.definition.inputNode) return outwards(scope, link, memory);
  const node = scope.nodes.get(link.origin);
  if (node === undefined) return ABSENT;
  const child = scope.children.get(node.id);
  if (child?.isActive) {
    const inner = child.host?.definition.outputs.get(link.originSlot);
    return inner === undefined ? ABSENT : { scope: child, link: inner };
  }
  return throughNode(scope, node, link.originSlot, memory);
}

/** From inside a subgraph to what feeds its instance. */
function outwards(scope: Scope, link: UiLink, memory: Memory): Place | Fed {
  const { host } = scope;
  const name = host?.definition.inputs[link.originSlot]?.name;
  if (host === null || name === undefined) return ABSENT;
  const set = memory.overrides.of(scope.path.slice(0, -1));
  const label = host.definition.inputs[link.originSlot]?.label ?? name;
  const from = scope.path.slice(0, -1);
  if (set.has(name)) return { kind: "value", value: set.get(name), from };
  if (set.has(label)) return { kind: "value", value: set.get(label), from };
  const input = host.node.inputs.find((one) => one.name === name);
  if (input?.link) return { scope: host.scope, link: input.link };
  const values = memory.hostValues(scope);
  return values.has(name) ? { kind: "value", value: values.get(name), from } : ABSENT;
}

function valuesOfHost({ host }: Scope): ReadonlyMap<string, unknown> {
  return host === null ? new Map() : promotedValues(host.node, host.definition);
}

function throughNode(scope: Scope, node: UiNode, slot: number, memory: Memory): Place | Fed {
  const id = `${scope.path}${node.id}`;
  const along = (input: UiInput | undefined): Place | Fed => (input?.link ? { scope, link: input.link } : ABSENT);
  if (node.isMuted) return { kind: "computed", from: id };
  if (node.isBypassed) return along(bypassInput(node, slot));
  const slots = slotsOf(node, memory.overrides.of(id));
  if (node.class === "PrimitiveNode") {
    return slots.length > 0 ? { kind: "value", value: slots[0]?.value, from: id } : ABSENT;
  }
  if (node.class === "GetNode") return throughSetter(scope, slots[0]?.value, memory);
  const linked = node.inputs.filter((input) => input.link !== null);
  const constant = constantOf({ literals: ownLiterals(slots, linked), links: linked.length });
  if (constant.kind === "value") return { kind: "value", value: constant.value, from: id };
  return constant.kind === "passes-on" ? along(linked[0]) : { kind: "computed", from: id };
}

/** A widget whose input is linked keeps a value that no longer counts. */
function ownLiterals(slots: ReturnType<typeof slotsOf>, linked: readonly UiInput[]): readonly unknown[] {
  const replaced = new Set(linked.map((input) => input.widget));
  return slots.filter((slot) => slot.name === null || !replaced.has(slot.name)).map((slot) => slot.value);
}

/** A bypassed node hands on the input at the output's place when the types agree, else its first of that type. */
function bypassInput(node: UiNode, slot: number): UiInput | undefined {
  const type = node.outputTypes[slot] ?? null;
  const same = node.inputs[slot];
  return same !== undefined && same.type === type ? same : node.inputs.find((input) => input.type === type);
}

/** `GetNode` takes what a `SetNode` of the same name stored, in its own graph or one around it. */
function throughSetter(scope: Scope, name: unknown, memory: Memory): Place | Fed {
  for (let at: Scope | undefined = scope; at !== undefined; at = at.host?.scope) {
    const link = memory.setter(at, name)?.inputs[0]?.link;
    if (link) return { scope: at, link };
  }
  return ABSENT;
}

function settersIn(scope: Scope): ReadonlyMap<unknown, UiNode> {
  const setters = [...scope.nodes.values()].filter((node) => node.class === "SetNode" && Array.isArray(node.widgets));
  return new Map(setters.map((node) => [(node.widgets as readonly unknown[])[0], node]));
}
