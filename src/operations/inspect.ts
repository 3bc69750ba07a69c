/** What one workflow needs, node by node: which model each reference means, and whether it is here. */
import { mapLimit } from "../base/flow.ts";
import type { FindingStatus } from "../tree/check.ts";
import type { Tree } from "../tree/tree.ts";
import type { Reference, ReferencePlace } from "../workflow/reference.ts";
import type { ServerDifference } from "../workflow/server-registry.ts";
import { checkUnknown, declaredFix } from "./check.ts";
import { type Match, placesOf } from "./match-references.ts";
import type { Parts } from "./parts.ts";
import type { AskedServer, ReadWorkflow } from "./read-workflow.ts";

/** One file that the workflow names. */
export interface InspectedReference {
  /** Every node that names it, with class and input. */
  readonly nodes: readonly ReferencePlace[];
  /** As the workflow spells it. */
  readonly raw: string;
  readonly name: string;
  /** Folder of the tree that it belongs in, or null when nobody knows. */
  readonly folder: string | null;
  /** How it is known that this is a model. */
  readonly how: Reference["how"];
  /** False when only muted or bypassed nodes ask for it. */
  readonly isActive: boolean;
  /** Names of the catalogue's models; several only for a name that stands for a folder. */
  readonly models: readonly string[];
  /** Names that it could mean, when it is not sure. */
  readonly candidates: readonly string[];
  /** Where the file belongs. */
  readonly path: string;
  /** The worst of its models. */
  readonly status: FindingStatus;
  /** Address that the workflow's author declared. */
  readonly url?: string;
  /** The source that a sync takes it from, when no manifest knows it and its author may be believed. */
  readonly source?: string;
  /** Absolute path of the file, where it is not in its own place but ComfyUI finds it all the same. */
  readonly at?: string;
  /** Whether the running ComfyUI that was asked has it in its list; null when it has no such list. */
  readonly isListed?: boolean | null;
  readonly fix?: string;
}

/** What `models inspect --json` prints. */
export interface InspectReport {
  /** Where the workflow was read from. */
  readonly workflow: string;
  readonly format: "api" | "ui";
  /** True when every active reference is known and present. */
  readonly ok: boolean;
  readonly root: string;
  readonly references: readonly InspectedReference[];
  /** What nodes fetch by themselves, into places outside the models folder. */
  readonly outside: readonly Pick<InspectedReference, "nodes" | "name" | "folder">[];
  readonly warnings: readonly string[];
  /** The running ComfyUI that was asked, and where it and the registry differ. */
  readonly server?: { readonly address: string; readonly differences: readonly ServerDifference[] };
}

const LOOKS = 16;
const WORST_FIRST: readonly FindingStatus[] = ["unknown", "missing", "wrong-size", "corrupt", "unverified", "present"];

/** Inspects a workflow; asks nothing of the network. @throws ModelsError `DISK_FAILED` */
export async function inspectWorkflow(
  ports: { readonly tree: Tree; readonly match: Parts["match"] },
  { workflow, asked, server }: ReadWorkflow,
): Promise<InspectReport> {
  const matches = await ports.match(asked.references);
  const references = await mapLimit(matches, LOOKS, async (match) => ({
    ...(await inspectMatch(ports.tree, match)),
    ...(server === null ? {} : { isListed: isListed(match.reference, server) }),
  }));
  const isGood = ({ status, isActive }: InspectedReference): boolean =>
    !isActive || status === "present" || status === "unverified";
  return {
    workflow: workflow.at,
    format: workflow.format,
    ok: references.every(isGood),
    root: ports.tree.root,
    references,
    outside: asked.outside.map(({ nodes, name, folder }) => ({ nodes, name, folder })),
    warnings: asked.warnings,
    ...(server === null ? {} : { server: { address: server.address, differences: server.differences } }),
  };
}

async function inspectMatch(
  tree: Tree,
  { reference, models, unknown, isDeclared = false }: Match,
): Promise<InspectedReference> {
  const { nodes, raw, name, folder, how, isActive, declared } = reference;
  const found = await Promise.all(
    models.map(async (model) => {
      const finding = await tree.check(model);
      return isDeclared ? { ...finding, ...declaredFix(finding, model) } : finding;
    }),
  );
  const source = isDeclared ? models[0]?.sources[0] : undefined;
  const findings = unknown === null ? found : await checkUnknown(tree, [unknown]);
  const [worst] = [...findings].sort((one, other) => rank(one.status) - rank(other.status));
  return {
    nodes,
    raw,
    name,
    folder,
    how,
    isActive,
    models: isDeclared ? [] : models.map((model) => model.name),
    candidates: unknown?.candidates ?? [],
    path: worst?.path ?? placesOf(reference)[0] ?? name,
    status: worst?.status ?? "unknown",
    ...(declared === undefined ? {} : { url: declared.url }),
    ...(source === undefined ? {} : { source }),
    ...(worst?.at === undefined ? {} : { at: worst.at }),
    ...(worst?.fix === undefined ? {} : { fix: worst.fix }),
  };
}

/** The server accepts a value when it is in its list letter by letter; every node that names the file must be served. */
function isListed({ nodes, raw }: Reference, server: AskedServer): boolean | null {
  const lists = nodes.flatMap(({ class: name, input }) =>
    (server.inputsOf(name) ?? []).filter((list) => list.input === input),
  );
  return lists.length === 0 ? null : lists.every(({ values }) => values.has(raw));
}

function rank(status: FindingStatus): number {
  return WORST_FIRST.indexOf(status);
}
