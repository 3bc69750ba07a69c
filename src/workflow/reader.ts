/** What reads workflows and lists what they ask for, once it is given the registry of node classes. */
import { type ReadOptions, readWorkflow } from "./read.ts";
import type { References } from "./reference.ts";
import { referencesOf } from "./references.ts";
import { createRegistry, type RegistryPackage } from "./registry.ts";
import type { Workflow } from "./workflow.ts";

export interface WorkflowReader {
  /** @throws ModelsError `WORKFLOW_INVALID` */
  readonly read: (input: string | Uint8Array | object, options: ReadOptions) => Workflow;
  readonly referencesOf: (workflow: Workflow) => References;
}

/** Prepares the registry once for any number of workflows. */
export function createWorkflowReader(settings: { readonly registry: readonly RegistryPackage[] }): WorkflowReader {
  const registry = createRegistry(settings.registry);
  return { read: readWorkflow, referencesOf: (workflow) => referencesOf(workflow, registry) };
}
