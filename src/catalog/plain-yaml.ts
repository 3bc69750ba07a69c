/**
 * Reads the plain form of YAML that manifests, kits and lockfiles are written in, forty times as fast as the whole language.
 * It gives up at the first character that could mean anything else; whatever it accepts, `yaml.ts` reads the same way.
 */
import { keyProblem, MAX_DEPTH, MAX_VALUES, type Mark, type Parsed } from "./document.ts";

/** The text is not in the plain form, or wrong: at this offset at the latest. */
export interface NotPlain {
  readonly stoppedAt: number;
}

// Tabs, carriage returns, control characters and byte order marks: the whole language has rules for them.
const UNUSUAL = /[^\n\u0020-\u007e\u00a0-\ufefe\uff00-\ufffd]/;
// YAML allows a key on its own line 1,024 characters.
const KEY = /[A-Za-z_][A-Za-z0-9_.-]{0,1000}(?=:(?: |\n|$))/y;
const DOUBLE_QUOTED = /"[^"\\\n]*"/y;
const SINGLE_QUOTED = /'[^'\n]*'(?!')/y;
const PLAIN_START = /^[A-Za-z0-9_./~(+$]/;
const FLOW_ITEM = /[A-Za-z0-9_/][A-Za-z0-9_./@+-]*/y;
const NO_STRING = /^(?:~|null|Null|NULL|[Tt]rue|TRUE|[Ff]alse|FALSE|[-+]?\.(?:inf|Inf|INF)|\.nan|\.NaN|\.NAN)$/;
const NUMERIC = /^(?:0o[0-7]+|0x[0-9a-fA-F]+|[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?)$/;
const PLAIN_INTEGER = /^(?:0|[1-9][0-9]{0,15})$/;

class Left extends Error {}

interface Cursor {
  readonly text: string;
  readonly marks: Map<object, Mark>;
  readonly markedLevels: number;
  /** Offset of what is read next, its column, and the end of its line. Column -1 is the end of the text. */
  at: number;
  column: number;
  end: number;
  values: number;
}

/**
 * The values of `text`, or where it leaves the plain form.
 * @param markedLevels how many levels have their places marked
 */
export function readPlainYaml(text: string, markedLevels: number = MAX_DEPTH + 1): Parsed | NotPlain {
  const unusual = text.search(UNUSUAL);
  if (unusual >= 0) return { stoppedAt: unusual };
  const cursor: Cursor = { text, marks: new Map(), markedLevels, at: 0, column: 0, end: -1, values: 0 };
  try {
    nextLine(cursor);
    const rootAt = cursor.at;
    const root = readBlock(cursor, 0);
    if (cursor.column >= 0) leave();
    return { root, rootAt, marks: cursor.marks };
  } catch (error) {
    if (!(error instanceof Left)) throw error;
    return { stoppedAt: Math.min(cursor.at, text.length) };
  }
}

function leave(): never {
  throw new Left();
}

/** Moves to the next line that holds more than blanks and a comment. */
function nextLine(cursor: Cursor): void {
  const { text } = cursor;
  while (cursor.end < text.length) {
    const start = cursor.end + 1;
    const newline = text.indexOf("\n", start);
    cursor.end = newline < 0 ? text.length : newline;
    cursor.at = start;
    while (text.charCodeAt(cursor.at) === 0x20) cursor.at += 1;
    const first = text[cursor.at];
    if (cursor.at >= cursor.end || first === "#") continue;
    cursor.column = cursor.at - start;
    if (cursor.column === 0 && (first === "%" || text.startsWith("---", start) || text.startsWith("...", start)))
      leave();
    return;
  }
  cursor.at = text.length;
  cursor.column = -1;
}

function countValue(cursor: Cursor): void {
  cursor.values += 1;
  if (cursor.values > MAX_VALUES) leave();
}

function isDash({ text, at, end }: Cursor): boolean {
  return text[at] === "-" && (at + 1 === end || text[at + 1] === " ");
}

function readBlock(cursor: Cursor, depth: number): unknown {
  if (depth > MAX_DEPTH || cursor.column < 0) leave();
  return isDash(cursor) ? readList(cursor, depth) : readMapping(cursor, depth);
}

function readMapping(cursor: Cursor, depth: number): unknown {
  const { column } = cursor;
  const object: Record<string, unknown> = {};
  const mark: (number | string)[] = [];
  const isMarked = depth < cursor.markedLevels;
  if (isMarked) cursor.marks.set(object, mark);
  while (cursor.column === column && !isDash(cursor)) {
    countValue(cursor);
    const keyAt = cursor.at;
    const key = matchAt(cursor, KEY);
    if (key === null || keyProblem(object, key) !== null) leave();
    cursor.at += key.length + 1;
    skipSpaces(cursor);
    let valueAt = cursor.at;
    if (!isRestEmpty(cursor)) {
      object[key] = readInline(cursor, depth + 1);
      nextLine(cursor);
    } else {
      nextLine(cursor);
      const hasValue = cursor.column > column || (cursor.column === column && isDash(cursor));
      valueAt = hasValue ? cursor.at : keyAt;
      object[key] = hasValue ? readBlock(cursor, depth + 1) : null;
    }
    if (cursor.column > column) leave();
    if (isMarked) mark.push(key, keyAt, valueAt);
  }
  return object;
}

function readList(cursor: Cursor, depth: number): unknown {
  const { column } = cursor;
  const array: unknown[] = [];
  const mark: number[] = [];
  const isMarked = depth < cursor.markedLevels;
  if (isMarked) cursor.marks.set(array, mark);
  while (cursor.column === column && isDash(cursor)) {
    countValue(cursor);
    const dashAt = cursor.at;
    cursor.at += 1;
    skipSpaces(cursor);
    if (isRestEmpty(cursor)) {
      nextLine(cursor);
      if (cursor.column <= column) leave();
    } else {
      cursor.column += cursor.at - dashAt;
    }
    if (isMarked) mark.push(cursor.at);
    array.push(readItem(cursor, depth));
    if (cursor.column > column) leave();
  }
  return array;
}

function readItem(cursor: Cursor, depth: number): unknown {
  if (isDash(cursor) || matchAt(cursor, KEY) !== null) return readBlock(cursor, depth + 1);
  const value = readInline(cursor, depth + 1);
  nextLine(cursor);
  return value;
}

/** A value that begins and ends on this line; nothing but a comment may follow it. */
function readInline(cursor: Cursor, depth: number): unknown {
  const first = cursor.text[cursor.at];
  if (first === '"' || first === "'") return readQuoted(cursor, first === '"' ? DOUBLE_QUOTED : SINGLE_QUOTED);
  if (first === "[") return readFlowList(cursor, depth);
  const line = cursor.text.slice(cursor.at, cursor.end);
  const comment = line.indexOf(" #");
  const token = withoutTrailingSpaces(comment < 0 ? line : line.slice(0, comment));
  if (!PLAIN_START.test(token) || token.includes(": ") || token.endsWith(":")) leave();
  return resolve(token);
}

/** A pattern for them would begin anew at each space inside of the text. */
function withoutTrailingSpaces(text: string): string {
  let end = text.length;
  while (text.charCodeAt(end - 1) === 0x20) end -= 1;
  return text.slice(0, end);
}

function readQuoted(cursor: Cursor, pattern: RegExp): string {
  const quoted = matchAt(cursor, pattern);
  if (quoted === null) leave();
  cursor.at += quoted.length;
  endLine(cursor);
  return quoted.slice(1, -1);
}

function readFlowList(cursor: Cursor, depth: number): unknown {
  const array: unknown[] = [];
  const mark: number[] = [];
  const isMarked = depth < cursor.markedLevels;
  if (isMarked) cursor.marks.set(array, mark);
  cursor.at += 1;
  skipSpaces(cursor);
  while (cursor.text[cursor.at] !== "]") {
    const item = matchAt(cursor, FLOW_ITEM);
    countValue(cursor);
    if (item === null || item.endsWith(":")) leave();
    if (isMarked) mark.push(cursor.at);
    array.push(resolve(item));
    cursor.at += item.length;
    skipSpaces(cursor);
    const next = cursor.text[cursor.at];
    if (next === "]") break;
    if (next !== ",") leave();
    cursor.at += 1;
    skipSpaces(cursor);
    if (cursor.text[cursor.at] === "]") leave();
  }
  cursor.at += 1;
  endLine(cursor);
  return array;
}

/** An unquoted value by the core schema of YAML 1.2; unusual numbers are left to the whole language. */
function resolve(token: string): unknown {
  const first = token.charCodeAt(0);
  const isDigit = first >= 0x30 && first <= 0x39;
  if (isDigit && PLAIN_INTEGER.test(token)) return Number(token);
  if (isDigit || first === 0x2e || first === 0x2b) {
    if (NUMERIC.test(token)) leave();
  }
  if (token.length > 5 || !NO_STRING.test(token)) return token;
  const lower = token.toLowerCase();
  return lower === "true" ? true : lower === "false" ? false : lower === "null" || token === "~" ? null : leave();
}

function matchAt(cursor: Cursor, pattern: RegExp): string | null {
  pattern.lastIndex = cursor.at;
  return pattern.exec(cursor.text)?.[0] ?? null;
}

function skipSpaces(cursor: Cursor): void {
  while (cursor.text.charCodeAt(cursor.at) === 0x20) cursor.at += 1;
}

function isRestEmpty({ text, at, end }: Cursor): boolean {
  return at >= end || (text[at] === "#" && text[at - 1] === " ");
}

function endLine(cursor: Cursor): void {
  skipSpaces(cursor);
  if (!isRestEmpty(cursor)) leave();
}
