/** Opens the guard of a composition: where it reads signatures, and where it remembers what it let in. */
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { readBoundedText } from "../base/bounded-file.ts";
import type { Clock } from "../base/clock.ts";
import { isModelsError, ModelsError, reasonOf } from "../base/errors.ts";
import { writeAtomic } from "../catalog/write-atomic.ts";
import { isBuiltIn, type TrustPolicy } from "../settings.ts";
import { createLayout } from "../tree/layout.ts";
import { createGuard, type Found, type Grant, type Guard } from "../trust/guard.ts";
import { formatSeen, nothingSeen, parseSeen, type SeenVersions } from "../trust/seen-versions.ts";

/** A guard that also knows what needs no signature. */
export interface Gate extends Omit<Guard, "admit"> {
  /** Null for what came with this package. @throws ModelsError `SIGNATURE_*`, `ROLLBACK_REFUSED` */
  readonly admit: (found: Found) => Promise<Grant | null>;
}

export interface GatePorts {
  readonly clock: Clock;
  readonly fetchText: (url: string) => Promise<string>;
}

/** Reads nothing yet. `root` is the tree that remembers: what was accepted for it is the least that it takes. */
export function openGate(
  { trust, root, mayLower }: { readonly trust: TrustPolicy; readonly root: string; readonly mayLower: boolean },
  { clock, fetchText }: GatePorts,
): Gate {
  const file = createLayout(root).seenVersions;
  let seen: Promise<SeenVersions> | null = null;
  const readSeen = (): Promise<SeenVersions> => {
    seen ??= readText(file).then((text) => (text === null ? nothingSeen : parseSeen(text, file)));
    return seen;
  };
  const writeSeen = async (versions: SeenVersions): Promise<void> => {
    if (versions.size === 0) return;
    await mkdir(dirname(file), { recursive: true });
    await writeAtomic(file, formatSeen(versions));
    seen = null;
  };
  const readPlace = (place: string): Promise<string | null> => readTextAt(place, fetchText);
  const guard = createGuard(trust, { clock, readText: readPlace, readSeen, writeSeen }, { mayLower });
  return { ...guard, admit: async (found) => (isBuiltIn(found.place) ? null : await guard.admit(found)) };
}

/** Bytes of a signature, a key or the versions seen so far; ten thousand documents take 1.5 MB. */
const MAX_TRUST_BYTES = 16 * 1024 * 1024;

/** The text at a path or URL; null where nothing is, or nothing that this box may see: both mean that it is not signed. */
async function readTextAt(place: string, fetchText: GatePorts["fetchText"]): Promise<string | null> {
  if (/^file:/i.test(place)) return await readText(fileURLToPath(place));
  if (!/^[a-z][a-z0-9+.-]+:\/\//i.test(place)) return await readText(place);
  try {
    return await fetchText(place);
  } catch (error) {
    if (isModelsError(error, "SOURCE_NOT_FOUND", "SOURCE_UNAUTHORIZED")) return null;
    throw error;
  }
}

async function readText(path: string): Promise<string | null> {
  try {
    return await readBoundedText(path, MAX_TRUST_BYTES);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return null;
    throw new ModelsError("DISK_FAILED", `Cannot read "${path}": ${reasonOf(error)}`, { cause: error });
  }
}
