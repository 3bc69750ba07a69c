/** Which models the command line means: arguments and flags, else the environment, else a mistake that lists the kits. */
import { ModelsError, type Problem } from "../base/errors.ts";
import type { Selectors } from "../operations/select.ts";
import type { Call } from "./command.ts";
import { splitList } from "./options.ts";
import { variable } from "./terminal-style.ts";

export interface Selection extends Selectors {
  readonly kits: readonly string[];
  readonly workflows: readonly string[];
  readonly models: readonly string[];
}

/** The selection as written; empty when nothing is. */
export function writtenSelection({ args, flags }: Pick<Call, "args" | "flags">): Selection {
  return { kits: flags.kit ?? [], workflows: flags.workflow ?? [], models: args };
}

/** The selection as written; with none, that of `BASE_MODEL_KIT` and `PRELOAD_WORKFLOW`. May be empty. */
export function selectionOf(call: Pick<Call, "args" | "flags" | "terminal">): Selection {
  const written = writtenSelection(call);
  if (!isEmpty(written)) return written;
  const { terminal } = call;
  const named = (name: string): readonly string[] => splitList(variable(terminal.environment, name));
  return { kits: named("BASE_MODEL_KIT"), workflows: named("PRELOAD_WORKFLOW"), models: [] };
}

/** True when nothing is selected. */
export function isEmpty({ kits, workflows, models }: Selection): boolean {
  return kits.length + workflows.length + models.length === 0;
}

/**
 * @param listKits called only when nothing is selected
 * @throws ModelsError `USAGE` that lists the kits
 */
export async function requireSelection(
  selection: Selection,
  command: string,
  listKits: () => Promise<readonly { readonly name: string }[]>,
): Promise<void> {
  if (!isEmpty(selection)) return;
  const names = (await listKits()).map(({ name }) => name);
  const example = names.includes("flux") ? "flux" : (names[0] ?? "NAME");
  const problems: readonly Problem[] = names.length === 0 ? [] : [{ at: "kits", message: names.join(", ") }];
  throw new ModelsError("USAGE", `Cannot ${command}: nothing is selected, expected a kit, a workflow or a model`, {
    fix: `models ${command} --kit ${example}, or --workflow FILE, or the name of a model`,
    problems,
  });
}
