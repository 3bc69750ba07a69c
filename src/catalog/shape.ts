/**
 * Whether a document is plainly right, told without the schema library, which takes 45 ms to load: as long as
 * all else that a check of the tree does. Where this says no, the schema has the word.
 */
import { isCount } from "../base/bytes.ts";
import {
  FORMAT_VERSION,
  LINE_RULE,
  NAME_RULE,
  PATH_RULE,
  ROUGH_SIZE_RULE,
  SHA256_RULE,
  SOURCE_RULE,
  type TextRule,
} from "./rules.ts";

/** True when a value is right for sure. */
export type Shape = (value: unknown) => boolean;

type Shapes = Readonly<Record<string, Shape>>;

/** A mapping with every required key and no key that is not named here. */
export function mapping(required: Shapes, optional: Shapes = {}): Shape {
  const shapes = new Map([...Object.entries(required), ...Object.entries(optional)]);
  const names = Object.keys(required);
  return (value) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
    for (const key in value) if (shapes.get(key)?.(Reflect.get(value, key)) !== true) return false;
    return names.every((name) => Object.hasOwn(value, name));
  };
}

/** A list of values of one shape. */
export function listOf(shape: Shape): Shape {
  return (value) => Array.isArray(value) && value.every(shape);
}

/** A mapping of names to lists of names. */
export function namedListsOf(shape: Shape): Shape {
  return recordOf(shape, listOf(shape));
}

/** A mapping of any keys and values of these shapes. */
export function recordOf(key: Shape, shape: Shape): Shape {
  return (value) =>
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    Object.entries(value).every(([name, one]) => key(name) && shape(one));
}

/** A value of this shape, or null. */
export function orNull(shape: Shape): Shape {
  return (value) => value === null || shape(value);
}

/** A text by a rule. */
export function textBy({ problem }: TextRule): Shape {
  return (value) => typeof value === "string" && problem(value) === null;
}

/** `version: 1`. */
export const isVersion: Shape = (value) => value === FORMAT_VERSION;
/** The fields that formats share, by the same rules as their schemas. */
export const isName: Shape = textBy(NAME_RULE);
export const isPath: Shape = textBy(PATH_RULE);
export const isRoughSize: Shape = textBy(ROUGH_SIZE_RULE);
export const isDigest: Shape = textBy(SHA256_RULE);
export const isSource: Shape = textBy(SOURCE_RULE);
export const isLine: Shape = textBy(LINE_RULE);
export const isFlag: Shape = (value) => typeof value === "boolean";
/** Bytes: a whole number from 0 to 2^53 - 1. */
export const isSize: Shape = isCount;
