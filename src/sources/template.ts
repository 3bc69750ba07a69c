/** How a mirror template of the configuration becomes the source of one model. Pure. */
import type { Sha256 } from "../base/artifact.ts";
import { ModelsError } from "../base/errors.ts";
import { redactUrl } from "../base/secret.ts";
import { encodePath } from "./uri.ts";

export interface TemplateSubject {
  readonly name: string;
  readonly path: string;
  readonly sha256: Sha256 | null;
}

/**
 * `template` with `{path}`, `{name}` and `{sha256}` filled in, each part percent-encoded;
 * null when it wants a digest that is not known.
 * @throws ModelsError `SOURCE_INVALID` when it has other braces
 */
export function expandTemplate(template: string, subject: TemplateSubject): string | null {
  const values: Readonly<Record<string, string | null>> = {
    path: encodePath(subject.path),
    name: encodeURIComponent(subject.name),
    sha256: subject.sha256,
  };
  if (subject.sha256 === null && template.includes("{sha256}")) return null;
  return template.replace(/\{([^{}]*)\}/g, (whole, key: string) => {
    const value = Object.hasOwn(values, key) ? values[key] : undefined;
    if (typeof value === "string") return value;
    throw new ModelsError("SOURCE_INVALID", `Cannot use the mirror "${shown(template)}": ${whole} stands for nothing`, {
      fix: "use {path}, {name} or {sha256}",
    });
  });
}

const shown = (template: string): string => (/^https?:/i.test(template) ? redactUrl(template) : template).slice(0, 200);
