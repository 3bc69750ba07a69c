/** Which models the command line means: arguments and flags, else the environment, else a mistake that lists the kits. */
import { ModelsError, type Problem } from "../base/errors.ts";
import type { Selectors } from "../operations/select.ts";
import { selectionFromEnvironment } from "../settings.ts";
import type { Override } from "../workflow/workflow.ts";
import type { Call } from "./command.ts";

export interface Selection extends Selectors {
  readonly kits: readonly string[];
  /** Paths, and bytes for what came over standard input. */
  readonly workflows: readonly (string | Uint8Array)[];
  readonly models: readonly string[];
  readonly set: readonly Override[];
  readonly variant: string | undefined;
}

/** The selection as written; empty when nothing is. */
export async function writtenSelection(call: Pick<Call, "args" | "flags" | "terminal">): Promise<Selection> {
  const { args, flags, terminal } = call;
  const workflows = await Promise.all((flags.workflow ?? []).map((file) => workflowInput(file, terminal)));
  return { kits: flags.kit ?? [], workflows, models: args, set: flags.set ?? [], variant: flags.variant };
}

/** A path as it is; for `-` the bytes of standard input. */
export async function workflowInput(file: string, terminal: Call["terminal"]): Promise<string | Uint8Array> {
  return file === "-" ? await terminal.readStdin() : file;
}

/** The selection as written; with none, that of `BASE_MODEL_KIT` and `PRELOAD_WORKFLOW`. May be empty. */
export async function selectionOf(call: Pick<Call, "args" | "flags" | "terminal">): Promise<Selection> {
  const written = await writtenSelection(call);
  if (!isEmpty(written)) return written;
  const { kits, workflows } = selectionFromEnvironment(call.terminal.environment);
  return { ...written, kits, workflows };
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
