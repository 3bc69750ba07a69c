/** What reads workflows and lists what they ask for, once it is given the registry of node classes. */
import { type ReadOptions, readWorkflow } from "./read.ts";
import type { References } from "./reference.ts";
import { referencesOf } from "./references.ts";
import { createRegistry, type RegistryPackage } from "./registry.ts";
import type { Server } from "./server.ts";
import { differencesOf, type ServerDifference, withServer } from "./server-registry.ts";
import type { Workflow } from "./workflow.ts";

export interface WorkflowReader {
  /** @throws ModelsError `WORKFLOW_INVALID` */
  readonly read: (input: string | Uint8Array | object, options: ReadOptions) => Workflow;
  /** @param server a running ComfyUI, whose word counts where it differs from the registry's */
  readonly referencesOf: (workflow: Workflow, server?: Server | null) => References;
  /** Where the server and the registry differ, for the classes of this workflow. */
  readonly differencesOf: (workflow: Workflow, server: Server) => readonly ServerDifference[];
}

/** Prepares the registry once for any number of workflows. */
export function createWorkflowReader(settings: { readonly registry: readonly RegistryPackage[] }): WorkflowReader {
  const registry = createRegistry(settings.registry);
  return {
    read: readWorkflow,
    referencesOf: (workflow, server = null) =>
      referencesOf(workflow, server === null ? registry : withServer(registry, server)),
    differencesOf: ({ nodes }, server) => differencesOf(nodes, registry, server),
  };
}
