/** The format of a file that lists the endpoints of a service, and what each of them needs. */
import { dirname, resolve } from "node:path";
import { z } from "zod";
import { readBounded } from "../base/bounded-file.ts";
import { type Problem, reasonOf } from "../base/errors.ts";
import { checkDocument } from "./check.ts";
import type { Document } from "./document.ts";
import { lineField, nameField, schemaField, versionField } from "./fields.ts";
import { problemsError } from "./problems.ts";
import { MAX_TEXT_BYTES, readDocument } from "./read.ts";

/** One endpoint: the kits, workflows and models that it needs together. */
export interface Endpoint {
  readonly name: string;
  /** What it is listed with, such as `video`; empty when the file says nothing. */
  readonly group: string;
  readonly kits: readonly string[];
  /** Absolute paths. */
  readonly workflows: readonly string[];
  readonly models: readonly string[];
  readonly variant: string | undefined;
  /** Values in place of those in its one workflow, as `--set` takes them: `4.ckpt_name` → `name.safetensors`. */
  readonly set: Readonly<Record<string, string | number | boolean>>;
}

interface EndpointText {
  readonly name: string;
  readonly group?: string | undefined;
  readonly kit?: string | readonly string[] | undefined;
  readonly workflow?: string | readonly string[] | undefined;
  readonly models?: readonly string[] | undefined;
  readonly variant?: string | undefined;
  readonly set?: Readonly<Record<string, string | number | boolean>> | undefined;
}

interface EndpointsFile {
  readonly $schema?: string | undefined;
  readonly version: 1;
  readonly endpoints: readonly EndpointText[];
}

const oneOrMore = <T extends z.ZodType<string>>(field: T): z.ZodType<string | readonly string[]> =>
  z.union([field, z.array(field)], { error: "a name or a list of names" });

/** The schema of an endpoints file. */
export const endpointsSchema: z.ZodType<EndpointsFile> = z
  .strictObject({
    $schema: schemaField,
    version: versionField,
    endpoints: z.array(
      z.strictObject({
        name: nameField.describe("How the service calls it."),
        group: lineField.optional().describe("What it is listed with, such as video."),
        kit: oneOrMore(nameField).optional().describe("Kits that it needs."),
        workflow: oneOrMore(lineField).optional().describe("Workflows that it runs, relative to this file."),
        models: z.array(nameField).optional().describe("Names of models that it needs besides."),
        variant: nameField.optional().describe("Which variant of its kits."),
        set: z
          .record(lineField, z.union([z.string(), z.number(), z.boolean()]))
          .optional()
          .describe("Values in place of those in its workflow: 4.ckpt_name: name.safetensors."),
      }),
    ),
  })
  .describe("The endpoints of a service, and what each of them needs.");

/**
 * Reads the endpoints of a service.
 * @throws ModelsError `CONFIG_INVALID` with every problem
 */
export async function readEndpoints(file: string): Promise<readonly Endpoint[]> {
  const read = await readDocument(file, await contentOf(file));
  const checked = read.kind === "ok" ? checkDocument(endpointsSchema, read.document) : read;
  if (checked.kind === "bad" || read.kind === "bad")
    throw invalid(file, checked.kind === "bad" ? checked.problems : []);
  const { endpoints } = checked.value;
  const problems = [...repeated(endpoints, read.document), ...empty(endpoints, read.document)];
  if (problems.length > 0) throw invalid(file, problems);
  return endpoints.map((endpoint) => toEndpoint(endpoint, dirname(resolve(file))));
}

function toEndpoint(
  { name, group = "", kit, workflow, models = [], variant, set = {} }: EndpointText,
  folder: string,
): Endpoint {
  const workflows = listOf(workflow).map((path) => resolve(folder, path));
  return { name, group, kits: listOf(kit), workflows, models, variant, set };
}

function listOf(value: string | readonly string[] | undefined): readonly string[] {
  return typeof value === "string" ? [value] : (value ?? []);
}

function repeated(endpoints: readonly EndpointText[], document: Document): readonly Problem[] {
  const seen = new Set<string>();
  return endpoints.flatMap(({ name }, index) => {
    if (seen.size < seen.add(name).size) return [];
    const at = document.placeOf(["endpoints", index, "name"]);
    return [{ at, message: `the endpoint "${name}" is there already`, fix: "rename one of the two" }];
  });
}

function empty(endpoints: readonly EndpointText[], document: Document): readonly Problem[] {
  return endpoints.flatMap(({ name, kit, workflow, models = [] }, index) => {
    if (listOf(kit).length + listOf(workflow).length + models.length > 0) return [];
    const at = document.placeOf(["endpoints", index]);
    return [{ at, message: `"${name}" says nothing of what it needs`, fix: "add kit:, workflow: or models:" }];
  });
}

async function contentOf(file: string): Promise<Uint8Array> {
  try {
    return await readBounded(file, MAX_TEXT_BYTES);
  } catch (error) {
    throw invalid(file, [{ at: file, message: `this cannot be read: ${reasonOf(error)}` }]);
  }
}

function invalid(file: string, problems: readonly Problem[]): Error {
  return problemsError("CONFIG_INVALID", `endpoints "${file}"`, problems);
}
