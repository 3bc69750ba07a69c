/** The only door to the `yaml` package: the whole language, with the place of every value and without its traps. */
import {
  Composer,
  type CST,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  type ParsedNode,
  Parser,
  parseDocument,
  type YAMLMap,
  type YAMLSeq,
  type Document as YamlDocument,
} from "yaml";
import { type Fault, keyProblem, MAX_DEPTH, type Mark, type Parsed, shorten, TextFault, TOO_DEEP } from "./document.ts";

/** How many values all aliases of one text may stand for together; a "billion laughs" needs a billion. */
const MAX_ALIASED = 10_000;
/** Collections that are open at once: a mapping in a list opens two a level, and {@link refuseDeep} counts exactly. */
const MAX_OPEN: number = 2 * MAX_DEPTH + 16;
/** The package quotes the whole of what it does not understand. */
const MAX_QUOTED = 300;

interface Reading {
  readonly marks: Map<object, Mark>;
  readonly faults: Fault[];
  readonly anchors: Map<string, Anchored>;
  aliased: number;
}

interface Anchored {
  readonly value: unknown;
  /** How many values it holds, itself included and its own aliases followed. */
  readonly weight: number;
}

/** The values of `text`, or every mistake in it. */
export function readYaml(text: string): Parsed | readonly Fault[] {
  const reading: Reading = { marks: new Map(), faults: [], anchors: new Map(), aliased: 0 };
  try {
    const [document, second] = compose(text);
    if (document === undefined) return { root: null, rootAt: 0, marks: reading.marks };
    collectFaults(document, reading);
    if (second !== undefined) {
      const offset = second.range[0];
      reading.faults.push({ offset, message: "a second document starts here", fix: "keep one document a file" });
    }
    const node = document.contents as ParsedNode | null;
    const rootAt = node?.range[0] ?? 0;
    const { value } = readNode(node, reading, 0);
    return reading.faults.length > 0 ? inOrder(reading.faults) : { root: value, rootAt, marks: reading.marks };
  } catch (error) {
    if (!(error instanceof TextFault)) throw error;
    return inOrder([...reading.faults, error.fault]);
  }
}

function compose(text: string): readonly YamlDocument.Parsed[] {
  const { tokens, tooDeepAt } = tokensOf(text);
  for (const token of tokens) refuseDeep(token);
  if (tooDeepAt !== null) throw new TextFault({ offset: tooDeepAt, message: TOO_DEEP });
  // The package compares each key with all others of its mapping; readMapping() does it in linear time.
  const composer = new Composer({ uniqueKeys: false, prettyErrors: false, version: "1.2", merge: false });
  return withoutStacks(() => [...composer.compose(tokens)]) as YamlDocument.Parsed[];
}

/** Depth is bounded while the package opens collections: it closes them by recursion. */
function tokensOf(text: string): { readonly tokens: readonly CST.Token[]; readonly tooDeepAt: number | null } {
  const parser = new Parser();
  const tokens: CST.Token[] = [];
  let tooDeepAt: number | null = null;
  for (const lexeme of new Lexer().lex(text)) {
    tokens.push(...parser.next(lexeme));
    if (parser.stack.length <= MAX_OPEN) continue;
    tooDeepAt = parser.offset;
    break;
  }
  tokens.push(...parser.end());
  return { tokens, tooDeepAt };
}

/** A text of a megabyte can hold 100,000 mistakes; to note for each where in this program it was found takes seconds. */
function withoutStacks<T>(run: () => T): T {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return run();
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/** The package composes by recursion, so depth is bounded before it starts. */
function refuseDeep(root: object): void {
  const open: { readonly token: object; readonly depth: number }[] = [{ token: root, depth: 0 }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { token, depth } = next;
    if (depth > MAX_DEPTH + 1) {
      const offset = "offset" in token ? Number(token.offset) : 0;
      throw new TextFault({ offset, message: TOO_DEEP });
    }
    const inner = "items" in token && Array.isArray(token.items) ? token.items : [token];
    for (const { key, value } of inner) {
      if (typeof key === "object" && key !== null) open.push({ token: key, depth: depth + 1 });
      if (typeof value === "object" && value !== null) open.push({ token: value, depth: depth + 1 });
    }
  }
}

function collectFaults(document: YamlDocument.Parsed, reading: Reading): void {
  const places = new Set<number>();
  for (const { pos, message } of [...document.errors, ...document.warnings]) {
    // What the package says next of the same place follows from the first.
    if (places.size < places.add(pos[0]).size) {
      reading.faults.push({
        offset: pos[0],
        message: shorten(lowerFirst(message), MAX_QUOTED),
        fix: "check the indentation and quotes here",
      });
    }
  }
}

function readNode(node: ParsedNode | null, reading: Reading, depth: number): Anchored {
  if (node === null) return { value: null, weight: 1 };
  if (depth > MAX_DEPTH) {
    throw new TextFault({ offset: node.range[0], message: TOO_DEEP });
  }
  if (isAlias(node)) return readAlias(node.source, node.range[0], reading);
  const read = readValue(node, reading, depth);
  if (node.anchor !== undefined) reading.anchors.set(node.anchor, read);
  return read;
}

function readValue(node: ParsedNode, reading: Reading, depth: number): Anchored {
  if (isMap(node)) return readMapping(node as MapNode, reading, depth);
  if (isSeq(node)) return readList(node as SeqNode, reading, depth);
  return { value: isScalar(node) ? node.value : null, weight: 1 };
}

type MapNode = { readonly items: readonly { readonly key: ParsedNode; readonly value: ParsedNode | null }[] };
type SeqNode = { readonly items: readonly ParsedNode[] };

function readMapping(node: MapNode, reading: Reading, depth: number): Anchored {
  const object: Record<string, unknown> = {};
  const mark: (number | string)[] = [];
  reading.marks.set(object, mark);
  let weight = 1;
  for (const pair of node.items) {
    const keyAt = pair.key.range[0];
    const read = readNode(pair.value, reading, depth + 1);
    weight += read.weight;
    const key = keyOf(pair.key);
    const problem = key === null ? { message: "a key must be a single word" } : keyProblem(object, key);
    if (key !== null && problem === null) object[key] = read.value;
    if (problem !== null) reading.faults.push({ offset: keyAt, ...problem });
    mark.push(key ?? "", keyAt, isEmpty(pair.value) ? keyAt : pair.value.range[0]);
  }
  return { value: object, weight };
}

function readList(node: SeqNode, reading: Reading, depth: number): Anchored {
  const array: unknown[] = [];
  const mark: number[] = [];
  reading.marks.set(array, mark);
  let weight = 1;
  for (const item of node.items) {
    const read = readNode(item, reading, depth + 1);
    weight += read.weight;
    mark.push(item.range[0]);
    array.push(read.value);
  }
  return { value: array, weight };
}

function readAlias(name: string, offset: number, reading: Reading): Anchored {
  const anchored = reading.anchors.get(name);
  if (anchored === undefined) {
    reading.faults.push({ offset, message: `the alias *${name} stands for nothing that is complete before it` });
    return { value: null, weight: 1 };
  }
  reading.aliased += anchored.weight;
  if (reading.aliased > MAX_ALIASED) {
    throw new TextFault({
      offset,
      message: `the aliases stand for more than ${MAX_ALIASED} values`,
      fix: "write them out",
    });
  }
  return anchored;
}

/** A key as it is written: `on` and `1` are words here, not values. */
function keyOf(node: ParsedNode): string | null {
  if (!isScalar(node) || node.value === null) return isScalar(node) && node.source ? node.source : null;
  return typeof node.value === "string" ? node.value : (node.source ?? String(node.value));
}

function isEmpty(node: ParsedNode | null): node is null {
  return node === null || (isScalar(node) && node.value === null && !node.source);
}

function inOrder(faults: readonly Fault[]): readonly Fault[] {
  return [...faults].sort((a, b) => a.offset - b.offset);
}

function lowerFirst(text: string): string {
  return text.slice(0, 1).toLowerCase() + text.slice(1);
}

/** A change to one entry of a list of named mappings: fields are set, texts are added to lists that lack them. */
export interface EntryChange {
  /** What the entry's `name` is. */
  readonly name: string;
  readonly set: Readonly<Record<string, string | number | boolean>>;
  readonly add: Readonly<Record<string, readonly string[]>>;
}

/**
 * `text` with the entry of this name changed, or added at the end of the list at `key`. Comments, order and the
 * spelling of all else stay. `order` says where a new field goes: behind the last one that stands before it there.
 * @returns null when `text` is no mapping with such a list
 */
export function writeYamlEntry(
  text: string,
  key: string,
  { change, order }: { readonly change: EntryChange; readonly order: readonly string[] },
): string | null {
  const document = parseDocument(text, { version: "1.2", keepSourceTokens: true });
  const list = isMap(document.contents) ? document.contents.get(key) : undefined;
  if (document.errors.length > 0 || !isSeq(list)) return null;
  const known = (list as YAMLSeq).items.find((item) => isMap(item) && item.get("name") === change.name);
  const entry = (known ?? document.createNode({ name: change.name })) as YAMLMap;
  for (const [field, value] of Object.entries(change.set)) setField(document, entry, { field, value, order });
  for (const [field, texts] of Object.entries(change.add)) {
    const before = entry.get(field);
    if (!isSeq(before)) setField(document, entry, { field, value: texts, order });
    else for (const one of texts) if (!before.toJSON().includes(one)) before.add(document.createNode(one));
  }
  if (known === undefined) (list as YAMLSeq).add(entry);
  return document.toString({ lineWidth: 0, indentSeq: isIndented(text, key), flowCollectionPadding: hasPadding(text) });
}

function setField(
  document: YamlDocument,
  entry: YAMLMap,
  { field, value, order }: { readonly field: string; readonly value: unknown; readonly order: readonly string[] },
): void {
  if (entry.has(field)) {
    entry.set(field, isSeq(entry.get(field)) ? document.createNode(value) : value);
    return;
  }
  const rank = order.indexOf(field);
  const names = entry.items.map((pair) => String(isScalar(pair.key) ? pair.key.value : pair.key));
  const place = names.findLastIndex((name) => order.indexOf(name) < rank) + 1;
  entry.items.splice(place, 0, document.createPair(field, value));
}

/** Whether the items of the list at `key` stand further right than the key. */
function isIndented(text: string, key: string): boolean {
  return !new RegExp(`^${key}:[^\\n]*\\n(?:[ \\t]*(?:#[^\\n]*)?\\n)*- `, "m").test(text);
}

function hasPadding(text: string): boolean {
  return !/(?:[:,[] |- )[[{][^\s\]}]/.test(text);
}
