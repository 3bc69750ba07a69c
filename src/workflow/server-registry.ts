/** A registry that also knows what a running ComfyUI says, and where the two differ. */
import { nodeLabel } from "./asking.ts";
import type { LoaderInput, Registry } from "./registry.ts";
import type { Server, ServerInput } from "./server.ts";
import type { WorkflowNode } from "./workflow.ts";

/** Something about a node on which registry and server do not agree. */
export interface ServerDifference {
  /** `node 12 (LoraLoader)` */
  readonly node: string;
  /**
   * - `class`: the server does not have the class
   * - `input`: the server's class has no such list
   * - `folder`: the server lists the files of another folder
   * - `new`: a list of files that the registry does not know
   */
  readonly kind: "class" | "input" | "folder" | "new";
  readonly says: string;
}

/** What the registry knows, put right and completed by the server. */
export function withServer(registry: Registry, server: Server): Registry {
  return {
    ...registry,
    inputsOf: (node) => {
      const known = registry.inputsOf(node);
      const lists = server.inputsOf(node.class);
      if (lists === null) return known;
      const own = (known ?? []).map((loader) => corrected(loader, lists));
      const added = lists.filter((list) => list.hasFiles && !own.some((loader) => isFor(loader, list.input)));
      return [...own, ...added.map((list) => toLoader(node.class, list, registry))];
    },
  };
}

/** Compares for the classes of these nodes, each difference of a class once. */
export function differencesOf(
  nodes: readonly WorkflowNode[],
  registry: Registry,
  server: Server,
): readonly ServerDifference[] {
  const found = new Map<string, ServerDifference>();
  for (const node of nodes) {
    for (const one of differencesOfNode(node, registry, server)) {
      const key = `${node.class}\n${one.says}`;
      if (!found.has(key)) found.set(key, { node: nodeLabel(node), ...one });
    }
  }
  return [...found.values()];
}

function differencesOfNode(
  node: WorkflowNode,
  registry: Registry,
  server: Server,
): readonly Omit<ServerDifference, "node">[] {
  const known = registry.inputsOf(node) ?? [];
  const lists = server.inputsOf(node.class);
  if (lists === null) return [{ kind: "class", says: `the server has no class ${node.class}` }];
  const files = known.filter(({ written }) => written === "name");
  const wrong = files.flatMap((loader) => differencesOfInput(loader, lists));
  const unheardOf = lists.filter((list) => list.hasFiles && !known.some((loader) => isFor(loader, list.input)));
  return [
    ...wrong,
    ...unheardOf.map(({ input, folders }) => {
      const where = folders.length === 0 ? "" : ` of ${folders.join(" or ")}`;
      return { kind: "new" as const, says: `${input} is a list of files${where}, which the registry does not know` };
    }),
  ];
}

function differencesOfInput(
  loader: LoaderInput,
  lists: readonly ServerInput[],
): readonly Omit<ServerDifference, "node">[] {
  const list = lists.find(({ input }) => isFor(loader, input));
  if (list === undefined) {
    // Repeated inputs come and go in the editor, so that the server need not name them.
    return loader.input.includes("{n}") ? [] : [{ kind: "input", says: `the server has no list for ${loader.input}` }];
  }
  const sure = otherFolder(loader, list);
  if (sure === null) return [];
  const says = `${loader.input} lists the files of ${sure}, the registry says ${loader.folders.join(" or ")}`;
  return [{ kind: "folder", says }];
}

/** Where the server is sure and the registry has another folder, the server is right. */
function corrected(loader: LoaderInput, lists: readonly ServerInput[]): LoaderInput {
  const list = lists.find(({ input }) => isFor(loader, input));
  const sure = list === undefined ? null : otherFolder(loader, list);
  return sure !== null && loader.written === "name" ? { ...loader, folders: [sure], how: "server" } : loader;
}

/** The one folder whose whole list the server shows, when the registry does not name it. */
function otherFolder(loader: LoaderInput, { folders, isWhole }: ServerInput): string | null {
  const [sure] = folders;
  return isWhole && folders.length === 1 && sure !== undefined && !loader.folders.includes(sure) ? sure : null;
}

/** Where lists do not tell two folders apart, the input's name may. */
function toLoader(className: string, { input, index, folders }: ServerInput, registry: Registry): LoaderInput {
  const usual = registry.foldersOfInput(input.slice(input.lastIndexOf(".") + 1));
  const sure = folders.length === 1 ? folders : usual.filter((one) => folders.length === 0 || folders.includes(one));
  return { class: className, input, index, folders: sure, written: "name", gate: null, how: "server" };
}

function isFor(loader: LoaderInput, input: string): boolean {
  if (!loader.input.includes("{n}")) return loader.input === input;
  const [before = "", after = ""] = loader.input.split("{n}");
  return (
    input.startsWith(before) &&
    input.endsWith(after) &&
    /^\d+$/.test(input.slice(before.length, -after.length || undefined))
  );
}
