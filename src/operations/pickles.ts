/** Whether a format that can run code when it is loaded may come onto this box. Pure. */
import { ModelsError } from "../base/errors.ts";
import { isPickleName } from "../base/formats/sniff.ts";
import type { Model } from "../catalog/model.ts";

/** All of them, none, or the models of these names. */
export type PicklePolicy = boolean | readonly string[];

type Named = Pick<Model, "name" | "path" | "sha256">;

/** Two things must come together: a person allows it, and a manifest says byte for byte what it allows. */
export function mayBePickle({ name, sha256 }: Named, policy: PicklePolicy): boolean {
  return sha256 !== null && isAllowed(name, policy);
}

/** Why a model that is a pickle by its name must stay away, or null when it may come, or is none. */
export function pickleRefusal(model: Named, policy: PicklePolicy): ModelsError | null {
  const { name, path, sha256 } = model;
  if (!isPickleName(path) || mayBePickle(model, policy)) return null;
  const isLacking = sha256 === null;
  const seen = isLacking ? "no manifest names its sha256" : "pickles are not allowed";
  const message = `Cannot bring "${name}": ${path} is a pickle, which can run code when it is loaded, and ${seen}`;
  return new ModelsError("PICKLE_REFUSED", message, { fix: fixFor({ isLacking, isAllowed: isAllowed(name, policy) }) });
}

function isAllowed(name: string, policy: PicklePolicy): boolean {
  return typeof policy === "boolean" ? policy : policy.includes(name);
}

function fixFor({ isLacking, isAllowed }: { readonly isLacking: boolean; readonly isAllowed: boolean }): string {
  const digest = "write its sha256 into a manifest";
  const flag = "give --allow-pickle, or allowPickle: in the config, if you trust who made it";
  if (!isLacking) return `${flag}; or use a safetensors file`;
  return isAllowed ? `${digest}; or use a safetensors file` : `${digest} and ${flag}; or use a safetensors file`;
}
