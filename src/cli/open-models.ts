/** From flags to the library: loaded only when a command really runs. */
import type { Models } from "../models.ts";
import type { SettingsFlags } from "../settings.ts";
import type { Call, Flags } from "./command.ts";

export type { Models } from "../models.ts";

/** The library, set up as the flags, the environment and the config say. Close it when done. */
export async function openModels({ flags, terminal }: Pick<Call, "flags" | "terminal">): Promise<Models> {
  const { createModels } = await import("../models.ts");
  const { environment, workingFolder: cwd } = terminal;
  return createModels({ ...settingsFlags(flags), environment, cwd });
}

/** Runs `work` with the library, and closes it whatever happens. */
export async function withModels<T>(
  call: Pick<Call, "flags" | "terminal">,
  work: (models: Models) => Promise<T>,
): Promise<T> {
  const models = await openModels(call);
  try {
    return await work(models);
  } finally {
    await models.close();
  }
}

/** The flags that are settings, those left out absent. */
function settingsFlags(flags: Flags): SettingsFlags {
  const { root, config, manifests, kits, from: adopt, mirror: mirrors } = flags;
  const { maxRate, lanes, offline, allowPickle, trustFirstUse } = flags;
  const { extraModelPaths, comfyui, allowHost: workflowHosts } = flags;
  const all = { root, config, manifests, kits, adopt, mirrors, maxRate, lanes, offline, allowPickle, trustFirstUse };
  const forWorkflows = { extraModelPaths, comfyui, workflowHosts };
  const { allowDowngrade } = flags;
  return Object.fromEntries(
    Object.entries({ ...all, ...forWorkflows, allowDowngrade }).filter(([, value]) => value !== undefined),
  );
}
