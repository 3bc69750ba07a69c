/** Reads a workflow, whatever holds it, and lists what it asks for; prepares the registry of node classes once. */
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { readBounded } from "../base/bounded-file.ts";
import { ModelsError, reasonOf } from "../base/errors.ts";
import { redactUrl } from "../base/secret.ts";
import { loadRegistry } from "../catalog/registry.ts";
import { createWorkflowReader } from "../workflow/reader.ts";
import type { References } from "../workflow/reference.ts";
import type { Server } from "../workflow/server.ts";
import type { ServerDifference } from "../workflow/server-registry.ts";
import { MAX_WORKFLOW_BYTES, type Override, type Workflow } from "../workflow/workflow.ts";

export interface WorkflowOptions {
  /** Keeps what only muted or bypassed nodes ask for. @default false */
  readonly includeInactive?: boolean;
  /** Values in place of those in the file. */
  readonly set?: readonly Override[];
}

export interface ReadWorkflow {
  readonly workflow: Workflow;
  readonly asked: References;
  /** What a running ComfyUI says, where one is asked. */
  readonly server: AskedServer | null;
}

/** A running ComfyUI, held against the registry. */
export interface AskedServer extends Server {
  readonly address: string;
  readonly differences: readonly ServerDifference[];
}

/** Reads a path, an address, the bytes of a file, the text of a graph, or the parsed graph. @throws ModelsError `WORKFLOW_INVALID` */
export type WorkflowReading = (input: unknown, options?: WorkflowOptions) => Promise<ReadWorkflow>;

/** The registry of this very package: beside `src/` and `dist/` alike. */
const REGISTRY = fileURLToPath(new URL("../../registry", import.meta.url));

export interface ReadingPorts {
  /** Where relative paths start. */
  readonly cwd: string;
  /** Asks the running ComfyUI that is to be asked; null when none is. */
  readonly askServer: () => Promise<(Server & { readonly address: string }) | null>;
  /** The bytes at an address. */
  readonly fetchBytes: (url: string) => Promise<Uint8Array>;
}

/** Opens the reading of workflows; a server is asked when the first workflow was read. */
export async function openWorkflowReading(ports: ReadingPorts): Promise<WorkflowReading> {
  const reader = createWorkflowReader({ registry: await loadRegistry([REGISTRY]) });
  return async (input, options = {}) => {
    const { content, at } = await contentOf(input, ports);
    const workflow = reader.read(content, { at, ...options });
    const asked = await ports.askServer();
    const server = asked === null ? null : { ...asked, differences: reader.differencesOf(workflow, asked) };
    return { workflow, asked: reader.referencesOf(workflow, server), server };
  };
}

interface WorkflowContent {
  readonly content: string | Uint8Array | object;
  readonly at: string;
}

async function contentOf(input: unknown, { cwd, fetchBytes }: ReadingPorts): Promise<WorkflowContent> {
  if (typeof input === "object" && input !== null) return { content: input, at: "graph" };
  if (typeof input === "string" && /^\s*\{/.test(input)) return { content: input, at: "graph" };
  if (typeof input === "string" && /^https?:\/\//i.test(input)) {
    return { content: await fetchBytes(input), at: redactUrl(input) };
  }
  if (typeof input === "string") return { content: await readPath(resolve(cwd, input)), at: input };
  throw new ModelsError("WORKFLOW_INVALID", `Cannot read workflow: it is of type ${typeof input}`, {
    fix: "give the path of a file, an address, or the graph as an object",
  });
}

async function readPath(path: string): Promise<Uint8Array> {
  try {
    return await readBounded(path, MAX_WORKFLOW_BYTES);
  } catch (error) {
    throw new ModelsError("WORKFLOW_INVALID", `Cannot read workflow "${path}": ${reasonOf(error)}`, {
      fix: "name a file that ComfyUI saved or exported",
      cause: error,
    });
  }
}
