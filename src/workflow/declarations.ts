/** Finds what a workflow's author declared for a file that a node names. The node's value is the truth: a declaration of another name is stale. */

import { presentFolder } from "../base/folders.ts";
import type { Asking } from "./asking.ts";
import { baseName, slashed } from "./names.ts";
import type { DeclaredModel, Workflow } from "./workflow.ts";

export interface Declarations {
  /** What was declared next to the node for this very file, else anywhere in the workflow; null when nothing was. */
  readonly of: (asking: Asking) => DeclaredModel | null;
}

/** Reads every declaration once, by the last part of its name. */
export function indexDeclarations(workflow: Workflow): Declarations {
  const all = new Map<string, DeclaredModel[]>();
  for (const model of [...workflow.nodes.flatMap((node) => node.declared), ...workflow.declared]) {
    const key = baseName(model.name);
    const same = all.get(key);
    if (same === undefined) all.set(key, [model]);
    // Thousands of nodes may declare one file; a handful of distinct ones is all that can matter.
    else if (same.length < 32 && !same.some((one) => isSame(one, model))) same.push(model);
  }
  return {
    of: (asking) => {
      const key = baseName(asking.raw);
      const near = asking.node.declared.filter((model) => baseName(model.name) === key);
      return best(near, asking) ?? best(all.get(key) ?? [], asking);
    },
  };
}

/** The entry of the same spelling, then of the same path, then of the same last part; one in the right folder first. */
function best(models: readonly DeclaredModel[], asking: Asking): DeclaredModel | null {
  const name = slashed(asking.raw);
  const rank = (model: DeclaredModel): number => {
    const isThere = asking.folders.length === 0 || asking.folders.includes(presentFolder(model.directory));
    const spelling = model.name === asking.raw ? 0 : slashed(model.name) === name ? 1 : 2;
    return (isThere ? 0 : 4) + spelling;
  };
  return [...models].sort((a, b) => rank(a) - rank(b))[0] ?? null;
}

function isSame(a: DeclaredModel, b: DeclaredModel): boolean {
  return a.name === b.name && a.url === b.url && a.directory === b.directory;
}
