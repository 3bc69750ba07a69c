/** Reads a workflow and matches what it asks for to the catalogue. */
import { ModelsError } from "../base/errors.ts";
import type { Catalog } from "../catalog/model.ts";
import type { Match } from "./match-references.ts";

export async function matchWorkflow(_workflow: unknown, _catalog: Catalog, _cwd: string): Promise<readonly Match[]> {
  throw new ModelsError("WORKFLOW_INVALID", "Cannot read workflow: not yet");
}
