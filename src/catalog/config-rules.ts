/** What the texts of a config must be, and what to do about one that is not. Pure. */
import { parseBytes } from "../base/bytes.ts";
import type { TextRule } from "./rules.ts";
import { sourceProblem } from "./source-uri.ts";

const PLACEHOLDER = /\{([^{}]*)\}/g;
const KNOWN_PLACEHOLDERS = ["path", "name", "sha256"];

export const FOLDER_RULE: TextRule = {
  problem: (text) => (text.trim() === "" || text.includes("\0") ? "is no path" : null),
  fix: "write a path, relative to the folder of this config",
};

/** The name of an environment variable. */
export const VARIABLE: RegExp = /^[A-Z_][A-Z0-9_]{0,127}$/;

// Upper case alone: a token in the place of a name would pass as a name otherwise, and be printed as one.
export const VARIABLE_RULE: TextRule = {
  problem: (text) => (VARIABLE.test(text) ? null : "is not the name of an environment variable"),
  fix: "write the name of a variable in upper case, such as MODELS_TOKEN, and never a token itself",
};

export const ADDRESS_RULE: TextRule = {
  problem: (text) =>
    /^https?:\/\/[^/?#@\s]+(?:\/[^?#\s]*)?$/i.test(text) && URL.canParse(text) ? null : "is no address",
  fix: "write it like https://host.example.net, without a user or a query",
};

export const TEMPLATE_RULE: TextRule = {
  problem: templateProblem,
  fix: "write it like https://models.example.net/{path} or r2://bucket/{sha256}",
};

export const HOST_RULE: TextRule = {
  problem: (text) =>
    /^(?:[a-z0-9-]+\.)*[a-z0-9-]+(?::[0-9]{1,5})?$|^\[[0-9a-f:]+\](?::[0-9]{1,5})?$/.test(text) ? null : "is no host",
  fix: "write the host alone, in lower case, such as models.example.net",
};

export const BUCKET_RULE: TextRule = {
  problem: (text) => (/^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$/.test(text) ? null : "is no bucket's name"),
  fix: "write the bucket's name alone, without a scheme",
};

/** Most connections, or models at a time. */
export const MOST_AT_ONCE = 256;

/** The bytes that a config means by a number or a text such as `50MB`; null when it means none. */
export function bytesOf(value: number | string): number | null {
  try {
    const bytes = typeof value === "number" ? value : parseBytes(value);
    return Number.isSafeInteger(bytes) && bytes >= 0 ? bytes : null;
  } catch {
    return null;
  }
}

function templateProblem(text: string): string | null {
  const unknown = [...text.matchAll(PLACEHOLDER)].find(([, name = ""]) => !KNOWN_PLACEHOLDERS.includes(name));
  if (unknown !== undefined) return `has the unknown placeholder ${unknown[0].slice(0, 40)}`;
  const filled = text.replace(PLACEHOLDER, "x");
  if (filled === text) return "has no placeholder, expected {path}, {name} or {sha256}";
  if (/^(?:hf|civitai):/i.test(text)) return "is of a scheme that has no mirrors";
  // Plain http is refused of a manifest, which anyone may have written; who writes a config knows the wire.
  return sourceProblem(filled.replace(/^http:/i, "https:"));
}
