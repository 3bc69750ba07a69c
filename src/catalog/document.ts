/** What a text has become once it is read: values, and the place in the text of each of them. */

/** A place that is wrong, as an offset into the text (UTF-16 units). */
export interface Fault {
  readonly offset: number;
  readonly message: string;
  readonly fix?: string;
}

/** Ends a reader at the first place after which nothing can be understood. Never leaves this folder. */
export class TextFault extends Error {
  readonly fault: Fault;

  constructor(fault: Fault) {
    super(fault.message);
    this.fault = fault;
  }
}

/** Of a list: where each item starts. Of a mapping: key, where the key starts, where its value starts, and so on. */
export type Mark = readonly (number | string)[];

/** What every reader gives: the root value and its place, and a mark for each list and mapping below it. */
export interface Parsed {
  readonly root: unknown;
  readonly rootAt: number;
  readonly marks: ReadonlyMap<object, Mark>;
  /** Where marks were kept for the upper levels only: reads the text again, with all of them. */
  readonly readAgain?: () => Parsed;
}

/**
 * How many levels of a large text a reader marks at first: the root and its lists, enough for the place of each entry.
 * A million marks that only a mistake needs would cost as much as all the rest of the reading.
 */
export const MARKED_LEVELS = 2;

/** Keys and indices from the root to a value. */
export type DocumentPath = readonly PropertyKey[];

/** What is needed to say of a value where it stands. */
export interface Placing {
  /** As it is printed: a path, or a URL without secrets. */
  readonly file: string;
  /** `file:line:column` of the value at `path`, or of the innermost thing around it that exists. */
  readonly placeOf: (path: DocumentPath) => string;
}

export interface Document extends Placing {
  readonly root: unknown;
  /** `file:line:column` of an offset, both counted from 1, columns in UTF-16 units as editors count. */
  readonly place: (offset: number) => string;
  /** `file:line:column` of the key that `path` ends in. */
  readonly placeOfKey: (path: DocumentPath) => string;
}

/** Deeper nesting is refused by every reader: no file of ours needs it, and recursion stays bounded. */
export const MAX_DEPTH = 64;

/** More values than this in one text are refused: 100,000 models have about a million. */
export const MAX_VALUES = 3_000_000;

/** What every reader says of too much depth. */
export const TOO_DEEP: string = `this is nested deeper than ${MAX_DEPTH} levels`;

/** Why `key` cannot be put into `object`, or null when it can; the same words from every reader. */
export function keyProblem(object: object, key: string): Omit<Fault, "offset"> | null {
  if (key === "__proto__") return { message: 'the key "__proto__" is not allowed', fix: "remove it" };
  if (!Object.hasOwn(object, key)) return null;
  return { message: `the key "${shorten(key)}" is there twice`, fix: "keep one of the two" };
}

/** Text from a file as a message quotes it. */
export function shorten(text: string, most = 80): string {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

/** Joins what a reader gave with the text that it came from. */
export function createDocument(file: string, text: string, parsed: Parsed): Document {
  let lines: readonly number[] | null = null;
  let whole: Parsed | null = parsed.readAgain === undefined ? parsed : null;
  const place = (offset: number): string => {
    lines ??= lineStarts(text);
    return `${file}:${lineAndColumn(lines, offset)}`;
  };
  const marked = (path: DocumentPath): Parsed => {
    if (path.length > MARKED_LEVELS) whole ??= parsed.readAgain?.() ?? parsed;
    return whole ?? parsed;
  };
  return {
    file,
    root: parsed.root,
    place,
    placeOf: (path) => place(offsetOf(marked(path), path, 2)),
    placeOfKey: (path) => place(offsetOf(marked(path), path, 1)),
  };
}

/** `line:column` of an offset into `text`. */
export function lineColumnOf(text: string, offset: number): string {
  return lineAndColumn(lineStarts(text.slice(0, offset)), offset);
}

/** `column`: which number of a mapping's triple the last step wants, the key's (1) or the value's (2). */
function offsetOf(parsed: Parsed, path: DocumentPath, column: 1 | 2): number {
  let value = parsed.root;
  let offset = parsed.rootAt;
  for (const [index, step] of path.entries()) {
    const mark = typeof value === "object" && value !== null ? parsed.marks.get(value) : undefined;
    const found = mark && stepInto(value as object, mark, step, index === path.length - 1 ? column : 2);
    if (found === undefined) return offset;
    [value, offset] = found;
  }
  return offset;
}

function stepInto(
  parent: object,
  mark: Mark,
  step: PropertyKey,
  column: 1 | 2,
): readonly [unknown, number] | undefined {
  if (Array.isArray(parent)) {
    const offset = mark[Number(step)];
    return typeof offset === "number" ? [parent[Number(step)], offset] : undefined;
  }
  for (let index = 0; index < mark.length; index += 3) {
    if (mark[index] === step) return [(parent as Record<PropertyKey, unknown>)[step], Number(mark[index + column])];
  }
  return undefined;
}

function lineStarts(text: string): readonly number[] {
  const starts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return starts;
}

function lineAndColumn(starts: readonly number[], offset: number): string {
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((starts[middle] ?? 0) <= offset) low = middle;
    else high = middle - 1;
  }
  return `${low + 1}:${offset - (starts[low] ?? 0) + 1}`;
}
