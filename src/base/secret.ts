/** What must never be printed: a value that shows as `***` wherever it is formatted, and URLs without their secrets. */
import { inspect } from "node:util";

/** A token or key. Only {@link Secret.reveal} gives the value; every way of printing gives `***`. */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
    Object.defineProperty(this, inspect.custom, { value: () => "***" });
  }

  /** The value itself, for the one request that needs it. */
  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return "***";
  }

  toJSON(): string {
    return "***";
  }
}

/** Query parameters that are harmless to show; every other value is replaced by `***`. */
const SHOWN_PARAMETERS = new Set(["type", "format", "size", "fp", "fileId", "download", "Revision", "FilePath"]);

/** `url` as it may be printed: no user, no password, no fragment, query values only where they are known to be harmless. */
export function redactUrl(url: string | URL): string {
  const parsed = URL.canParse(String(url)) ? new URL(url) : null;
  if (parsed === null) return "(unreadable URL)";
  // Each of these spells the whole URL anew, and most have nothing to hide.
  if (parsed.username !== "") parsed.username = "";
  if (parsed.password !== "") parsed.password = "";
  if (parsed.hash !== "" || parsed.href.endsWith("#")) parsed.hash = "";
  if (parsed.search === "") return parsed.href;
  for (const key of [...parsed.searchParams.keys()]) {
    if (!SHOWN_PARAMETERS.has(key)) parsed.searchParams.set(key, "***");
  }
  return parsed.href;
}
