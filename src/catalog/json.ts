/** Reads JSON with the place of every value: RFC 8259 to the letter, and no key twice. */
import {
  type Fault,
  keyProblem,
  MAX_DEPTH,
  MAX_VALUES,
  type Mark,
  type Parsed,
  shorten,
  TextFault,
  TOO_DEEP,
} from "./document.ts";

const STRING = /"[^"\\\u0000-\u001f]*"/y;
const ESCAPED_STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?/y;
const WORD = /true|false|null/y;
const WORDS: Readonly<Record<string, boolean | null>> = { true: true, false: false, null: null };

interface Cursor {
  readonly text: string;
  readonly marks: Map<object, Mark>;
  readonly markedLevels: number;
  readonly faults: Fault[];
  at: number;
  values: number;
}

/**
 * The values of `text`, or everything that is wrong with it (one syntax error ends the reading).
 * @param markedLevels how many levels have their places marked
 */
export function readJson(text: string, markedLevels: number = MAX_DEPTH + 1): Parsed | readonly Fault[] {
  const cursor: Cursor = { text, marks: new Map(), markedLevels, faults: [], at: 0, values: 0 };
  try {
    skipBlanks(cursor);
    const rootAt = cursor.at;
    const root = readValue(cursor, 0);
    skipBlanks(cursor);
    if (cursor.at < text.length) fail(cursor, "expected the end of the file");
    return cursor.faults.length > 0 ? cursor.faults : { root, rootAt, marks: cursor.marks };
  } catch (error) {
    if (!(error instanceof TextFault)) throw error;
    return [...cursor.faults, error.fault];
  }
}

function readValue(cursor: Cursor, depth: number): unknown {
  if (depth > MAX_DEPTH) throw new TextFault({ offset: cursor.at, message: TOO_DEEP });
  cursor.values += 1;
  if (cursor.values > MAX_VALUES) {
    throw new TextFault({
      offset: cursor.at,
      message: `here is more than ${MAX_VALUES} values`,
      fix: "split the file",
    });
  }
  const first = cursor.text[cursor.at];
  if (first === "{") return readObject(cursor, depth);
  if (first === "[") return readArray(cursor, depth);
  if (first === '"') return readString(cursor);
  const number = match(cursor, NUMBER);
  if (number !== null) return Number(number);
  const word = match(cursor, WORD);
  return word === null ? fail(cursor, "expected a JSON value") : WORDS[word];
}

function readObject(cursor: Cursor, depth: number): unknown {
  const object: Record<string, unknown> = {};
  const mark: (number | string)[] = [];
  const isMarked = depth < cursor.markedLevels;
  if (isMarked) cursor.marks.set(object, mark);
  readItems(cursor, "}", () => {
    const keyAt = cursor.at;
    if (cursor.text[keyAt] !== '"') fail(cursor, "expected a key in double quotes");
    const key = readString(cursor);
    skipBlanks(cursor);
    if (cursor.text[cursor.at] !== ":") fail(cursor, `expected ":" after the key "${shorten(key)}"`);
    cursor.at += 1;
    skipBlanks(cursor);
    const valueAt = cursor.at;
    const value = readValue(cursor, depth + 1);
    const problem = keyProblem(object, key);
    if (problem === null) object[key] = value;
    else cursor.faults.push({ offset: keyAt, ...problem });
    if (isMarked) mark.push(key, keyAt, valueAt);
  });
  return object;
}

function readArray(cursor: Cursor, depth: number): unknown {
  const array: unknown[] = [];
  const mark: number[] = [];
  const isMarked = depth < cursor.markedLevels;
  if (isMarked) cursor.marks.set(array, mark);
  readItems(cursor, "]", () => {
    if (isMarked) mark.push(cursor.at);
    array.push(readValue(cursor, depth + 1));
  });
  return array;
}

function readItems(cursor: Cursor, close: "}" | "]", readItem: () => void): void {
  cursor.at += 1;
  skipBlanks(cursor);
  if (cursor.text[cursor.at] === close) {
    cursor.at += 1;
    return;
  }
  for (;;) {
    readItem();
    skipBlanks(cursor);
    const next = cursor.text[cursor.at];
    if (next !== "," && next !== close) fail(cursor, `expected "," or "${close}"`);
    cursor.at += 1;
    if (next === close) return;
    skipBlanks(cursor);
  }
}

function readString(cursor: Cursor): string {
  const plain = match(cursor, STRING);
  if (plain !== null) return plain.slice(1, -1);
  const escaped = match(cursor, ESCAPED_STRING);
  if (escaped === null) fail(cursor, "this text in double quotes has no end, a raw line break or an unknown escape");
  return JSON.parse(escaped) as string;
}

function match(cursor: Cursor, pattern: RegExp): string | null {
  pattern.lastIndex = cursor.at;
  const found = pattern.exec(cursor.text)?.[0] ?? null;
  if (found !== null) cursor.at += found.length;
  return found;
}

function skipBlanks(cursor: Cursor): void {
  for (;;) {
    const code = cursor.text.charCodeAt(cursor.at);
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
    cursor.at += 1;
  }
}

function fail(cursor: Cursor, expected: string): never {
  const seen = cursor.text[cursor.at];
  const message = seen === undefined ? `${expected}, but the file ends here` : `${expected} at ${JSON.stringify(seen)}`;
  throw new TextFault({ offset: cursor.at, message });
}
