/** Changes of JSON as a tree: values of other kinds, keys with a meaning of their own, keys twice, great depth. */
import type { Material } from "./mutate-bytes.ts";
import { NUMBERS, TEXTS } from "./words.ts";

type Node = unknown[] | { [key: string]: unknown };

/** Where a value stands. */
interface Place {
  readonly parent: Node;
  readonly key: string | number;
}

const RAW = "\u0001raw:";
const MOST_PLACES = 4000;

/** `text` with one to four places of its tree changed, or null when it is no JSON. */
export function mutateJson(text: string, material: Material): string | null {
  const root: unknown = parse(text);
  if (typeof root !== "object" || root === null) return null;
  const holder: Node = [root];
  for (let left = material.random.below(4); left >= 0; left -= 1) change(holder, material);
  return written(holder[0], material.random.once(2) ? 0 : 1);
}

/** Null for a tree that has grown too deep to be written. */
function written(root: unknown, indent: number): string | null {
  try {
    const text = JSON.stringify(root, null, indent) ?? "";
    return text.replace(/"\\u0001raw:((?:[^"\\]|\\.)*)"/g, (_, raw: string) => raw.replace(/\\(["\\])/g, "$1"));
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function change(holder: Node, material: Material): void {
  const { random, words } = material;
  const places = placesIn(holder);
  if (places.length === 0) return;
  const { parent, key } = random.pick(places);
  const value = Reflect.get(parent, key) as unknown;
  const name = random.pick([...TEXTS, ...words]);
  switch (random.below(8)) {
    case 0:
      return remove(parent, key);
    case 1:
      return put(parent, key, deep(value, random.pick([2, 70, 70, 3000])));
    case 2:
      return put(parent, key, RAW + random.pick(NUMBERS));
    case 3:
      return put(parent, key, Array.isArray(value) ? [...value, ...value] : [value, value]);
    case 4:
      return put(parent, Array.isArray(parent) ? key : name, value);
    case 5:
      return put(parent, key, { [name]: value });
    case 6:
      return put(parent, key, random.pick([null, true, [], {}, "", [[]], 1.5, name]));
    default:
      return put(parent, key, typeof value === "string" ? mutateText(value, name, material) : name);
  }
}

function mutateText(text: string, word: string, { random }: Material): string {
  const at = random.below(text.length + 1);
  return random.once(2) ? word : text.slice(0, at) + word + text.slice(at + random.below(3));
}

function placesIn(holder: Node): readonly Place[] {
  const places: Place[] = [];
  const open: Node[] = [holder];
  for (let node = open.pop(); node !== undefined && places.length < MOST_PLACES; node = open.pop()) {
    for (const [key, value] of Object.entries(node)) {
      places.push({ parent: node, key });
      if (typeof value === "object" && value !== null) open.push(value as Node);
    }
  }
  return places;
}

/** `__proto__` becomes a key like any other. */
function put(parent: Node, key: string | number, value: unknown): void {
  Object.defineProperty(parent, key, { value, enumerable: true, configurable: true, writable: true });
}

function remove(parent: Node, key: string | number): void {
  if (Array.isArray(parent)) parent.splice(Number(key), 1);
  else Reflect.deleteProperty(parent, key);
}

function deep(value: unknown, levels: number): unknown {
  let wrapped = value;
  for (let level = 0; level < levels; level += 1) wrapped = level % 2 === 0 ? [wrapped] : { a: wrapped };
  return wrapped;
}
