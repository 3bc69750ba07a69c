/** Holds a document against a schema: every mistake at once, each at the place of the value or key that is wrong. */
import { z } from "zod";
import { isCount } from "../base/bytes.ts";
import { didYouMean } from "../base/did-you-mean.ts";
import type { Problem } from "../base/errors.ts";
import type { Checked } from "./checked.ts";
import { type Document, shorten } from "./document.ts";
import { MAX_PROBLEMS, MORE_PROBLEMS } from "./problems.ts";
import { FORMAT_VERSION, type TextRule } from "./rules.ts";

export type { Checked } from "./checked.ts";

/** What a document holds by `schema`, or everything that is wrong with it, in the order of the text. */
export function checkDocument<T>(schema: z.ZodType<T>, document: Document): Checked<T> {
  const version = versionProblem(document);
  if (version !== null) return { kind: "bad", problems: [version] };
  const result = parse(schema, document.root);
  if (result.success) return { kind: "ok", value: result.data };
  const { issues } = result.error;
  const problems = inOrder(issues.slice(0, MAX_PROBLEMS).flatMap((issue) => problemsOf(issue, schema, document)));
  if (issues.length <= MAX_PROBLEMS) return { kind: "bad", problems };
  return { kind: "bad", problems: [...problems, { at: document.file, ...MORE_PROBLEMS }] };
}

/** Zod hands issues on as arguments of one call, which overflows the stack when there are some 100,000. */
function parse<T>(schema: z.ZodType<T>, root: unknown): z.ZodSafeParseResult<T> {
  try {
    return schema.safeParse(root);
  } catch (error) {
    if (!(error instanceof RangeError) || !isObject(root)) throw error;
    const beginnings = Object.entries(root).map(([key, value]) => [key, beginningOf(value)] as const);
    return schema.safeParse(Object.fromEntries(beginnings));
  }
}

function beginningOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.slice(0, MAX_PROBLEMS + 1);
  return isObject(value) ? Object.fromEntries(Object.entries(value).slice(0, MAX_PROBLEMS + 1)) : value;
}

/** A text that obeys a rule. */
export function checkedText({ problem, fix }: TextRule): z.ZodString {
  return z.string().check((context) => {
    const message = problem(context.value);
    if (message === null) return;
    context.issues.push({ code: "custom", continue: true, input: context.value, message, params: { fix } });
  });
}

/** A whole number from `min` to `max`, said in words when it is not. */
export function wholeNumber(min: number, max: number, fix: string): z.ZodNumber {
  const message = `is not a whole number from ${min} to ${max}`;
  const isWhole = (value: number): boolean => isCount(value) && value >= min && value <= max;
  return z
    .number()
    .check((context) => {
      if (isWhole(context.value)) return;
      context.issues.push({ code: "custom", continue: true, input: context.value, message, params: { fix } });
    })
    .meta({ type: "integer", minimum: min, maximum: max });
}

/** Another version has other keys, so it is said alone, before everything that would follow from it. */
function versionProblem(document: Document): Problem | null {
  const version = valueAt(document.root, ["version"]);
  if (version === undefined || version === FORMAT_VERSION) return null;
  const isNewer = typeof version === "number" && version > FORMAT_VERSION;
  return {
    at: document.placeOf(["version"]),
    message: `version is ${shorten(JSON.stringify(version))}, this modelferry reads version ${FORMAT_VERSION}`,
    fix: isNewer ? "update modelferry" : `write version: ${FORMAT_VERSION}`,
  };
}

function problemsOf(issue: z.core.$ZodIssue, schema: z.ZodType, document: Document): readonly Problem[] {
  if (issue.code === "unrecognized_keys") return unknownKeys(issue.path, issue.keys, schema, document);
  if (issue.code === "invalid_key") return wrongKey(issue, document);
  const value = valueAt(document.root, issue.path);
  const at = document.placeOf(issue.path);
  if (issue.code === "custom") {
    return [{ at, message: `${labelOf(issue.path)} ${issue.message}`, ...fixOf(issue) }];
  }
  if (value === undefined) return [missing(issue.path, document)];
  return [{ at, message: `${labelOf(issue.path)} is ${kindOf(value)}, expected ${expectedBy(issue)}` }];
}

function unknownKeys(
  path: readonly PropertyKey[],
  keys: readonly string[],
  schema: z.ZodType,
  document: Document,
): readonly Problem[] {
  const known = keysOf(schemaAt(schema, path));
  const where = path.length === 0 ? "the file" : labelOf(path);
  const left = keys.length - MAX_UNKNOWN_KEYS;
  const more = { at: document.placeOf(path), message: `${where} has ${left} more unknown keys`, fix: "remove them" };
  const told = keys.slice(0, MAX_UNKNOWN_KEYS).map((key) => ({
    at: document.placeOfKey([...path, key]),
    message: `${where} has the unknown key "${shorten(key)}"`,
    fix: didYouMean(key, known) ?? `the keys here are ${known.join(", ")}`,
  }));
  return left > 0 ? [...told, more] : told;
}

function wrongKey(issue: z.core.$ZodIssueInvalidKey, document: Document): readonly Problem[] {
  const at = document.placeOfKey(issue.path);
  const key = shorten(String(issue.path.at(-1)));
  return issue.issues.map((inner) => ({ at, message: `the key "${key}" ${inner.message}`, ...fixOf(inner) }));
}

/** What a check of ours said to do. */
function fixOf(issue: z.core.$ZodIssue): { readonly fix?: string } {
  const fix = valueAt(issue, ["params", "fix"]);
  return typeof fix === "string" ? { fix } : {};
}

/** Finding the place of a key walks the keys before it. */
const MAX_UNKNOWN_KEYS = 50;

function missing(path: readonly PropertyKey[], document: Document): Problem {
  const key = String(path.at(-1));
  const where = path.length > 1 ? labelOf(path.slice(0, -1)) : "the file";
  return { at: document.placeOf(path), message: `${where} has no "${key}"`, fix: `add ${key}:` };
}

/** `models[3].sources[1]` as `item 2 of sources`, `models[3].size` as `size`: the place says the rest. */
function labelOf(path: readonly PropertyKey[]): string {
  const last = path.at(-1);
  if (last === undefined) return "the file";
  if (typeof last !== "number") return String(last);
  return `item ${last + 1} of ${String(path.findLast((step) => typeof step === "string") ?? "the list")}`;
}

function expectedBy(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case "invalid_type":
      return EXPECTED[issue.expected] ?? issue.expected;
    case "invalid_value":
      return `one of ${issue.values.map((value) => JSON.stringify(value)).join(", ")}`;
    default:
      return issue.message;
  }
}

const EXPECTED: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  boolean: "true or false",
  array: "a list",
  object: "a mapping of keys to values",
  record: "a mapping of keys to values",
};

/** What a value is, without quoting text: a person may have put a token where it does not belong. */
function kindOf(value: unknown): string {
  if (value === null) return "empty";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a mapping";
  return typeof value === "string" ? "text" : String(value);
}

function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, step) => (isObject(value) && Object.hasOwn(value, step) ? Reflect.get(value, step) : undefined),
    root,
  );
}

function schemaAt(schema: z.ZodType, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((outer, step) => {
    const inner = unwrap(outer);
    if (inner instanceof z.ZodObject) return inner.shape[String(step)];
    if (inner instanceof z.ZodArray) return inner.element;
    return inner instanceof z.ZodRecord ? inner.valueType : undefined;
  }, schema);
}

function keysOf(schema: unknown): readonly string[] {
  const inner = unwrap(schema);
  return inner instanceof z.ZodObject ? Object.keys(inner.shape).filter((key) => !key.startsWith("$")) : [];
}

function unwrap(schema: unknown): unknown {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable) return unwrap(schema.unwrap());
  return schema instanceof z.ZodDefault ? unwrap(schema.def.innerType) : schema;
}

function inOrder(problems: readonly Problem[]): readonly Problem[] {
  const key = ({ at }: Problem): readonly number[] => at.split(":").slice(-2).map(Number);
  return problems
    .map((problem) => ({ problem, key: key(problem) }))
    .sort((a, b) => (a.key[0] ?? 0) - (b.key[0] ?? 0) || (a.key[1] ?? 0) - (b.key[1] ?? 0))
    .map(({ problem }) => problem);
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
