/** By whom what a run believes is signed. */
import { isModelsError } from "../base/errors.ts";
import type { EventBody, SignerEntry } from "../base/events.ts";
import type { Proof } from "../trust/examine.ts";
import type { Gate } from "./open-guard.ts";

/** One entry a key, in the order in which they were met; each document once. */
function signersOf(proofs: readonly Proof[]): readonly SignerEntry[] {
  const byKey = new Map<
    string,
    { readonly entry: SignerEntry; readonly files: Map<string, SignerEntry["files"][number]> }
  >();
  for (const { signer, file, kind, name, version } of proofs) {
    const key = signer.publicKey.id;
    const files = byKey.get(key)?.files ?? new Map();
    files.set(file, { file, kind, name, version });
    byKey.set(key, { entry: { signer: signer.name, key, files: [] }, files });
  }
  return [...byKey.values()].map(({ entry, files }) => ({ ...entry, files: [...files.values()] }));
}

/** Remembers what was let in, and says what to tell: who signed, and whether it could not be remembered. */
export async function settleTrust(
  gate: Gate,
  { mayRemember }: { readonly mayRemember: boolean },
): Promise<readonly EventBody[]> {
  const told = signersOf(gate.proofs()).map((entry): EventBody => ({ kind: "trusted", ...entry }));
  if (!mayRemember) return told;
  try {
    await gate.remember();
    return told;
  } catch (error) {
    // A tree that nobody can write to is no reason to keep it from being used.
    if (!isModelsError(error, "DISK_FAILED", "DISK_FULL") && !isSystemError(error)) throw error;
    const message =
      "The versions that were accepted cannot be remembered, so that an older one would be taken next time";
    return [...told, { kind: "warning", code: "DISK_FAILED", message, fix: "make .modelferry in the tree writable" }];
  }
}

const isSystemError = (error: unknown): boolean => typeof (error as NodeJS.ErrnoException).syscall === "string";
