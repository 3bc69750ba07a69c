/** What a file is that somebody wants to sign, and whether it is in order: nobody should vouch for what no box can read. */
import type { Problem } from "../base/errors.ts";
import { ModelsError } from "../base/errors.ts";
import type { Document } from "../catalog/document.ts";
import { readKit } from "../catalog/kit.ts";
import { parseLock } from "../catalog/lockfile.ts";
import { readManifest } from "../catalog/manifest.ts";
import { parsePieceTable } from "../catalog/pieces.ts";
import { problemsError } from "../catalog/problems.ts";
import { readDocument } from "../catalog/read.ts";
import type { DocumentKind } from "../trust/binding.ts";
import { documentName } from "../trust/places.ts";
import { parsePublicKey } from "../trust/public-key.ts";

interface Signable {
  readonly file: string;
  readonly content: Uint8Array;
}

/**
 * The kind of a file that is in order.
 * @param asked what it must be, or null to tell by its name and content
 * @throws ModelsError `MANIFEST_INVALID`, `LOCKFILE_INVALID`, `KEY_INVALID`, `USAGE`
 */
export async function readSignable(signable: Signable, asked: DocumentKind | null): Promise<DocumentKind> {
  const { file, content } = signable;
  const kind = asked ?? kindByName(file);
  const text = Buffer.from(content).toString("utf8");
  if (kind === "key") parsePublicKey(text, file);
  else if (kind === "pieces") parsePieceTable(text, file);
  else if (kind === "lockfile") await parseLock(content, file);
  else return await readCatalogFile(signable, kind);
  return kind;
}

function kindByName(file: string): DocumentKind | null {
  if (/\.pub$/i.test(file)) return "key";
  if (/\.pieces(?:\.json)?$/i.test(file)) return "pieces";
  return /\.lock\.ya?ml$/i.test(file) ? "lockfile" : null;
}

/** A kit has a name, a manifest has none. */
async function readCatalogFile({ file, content }: Signable, asked: DocumentKind | null): Promise<DocumentKind> {
  const read = await readDocument(file, content);
  if (read.kind === "bad") throw wrong(file, read.problems);
  const { document } = read;
  const isKit = asked === "kit" || (asked === null && hasName(document));
  const checked = isKit ? await readKit(document) : await readManifest(document);
  if (checked.kind === "bad") throw wrong(file, checked.problems);
  const [first] = checked.value;
  if (first !== undefined && "kit" in first) refuseOtherName(file, first.kit.name);
  return isKit ? "kit" : "manifest";
}

function hasName({ root }: Document): boolean {
  return typeof root === "object" && root !== null && "name" in root;
}

/** Boxes know by the place alone which kit they asked for. */
function refuseOtherName(file: string, name: string): void {
  if (documentName(file) === name) return;
  throw new ModelsError(
    "USAGE",
    `Cannot sign kit "${file}": it calls itself "${name}", expected the name of its file`,
    {
      fix: `rename the file to ${name}.yaml`,
    },
  );
}

function wrong(file: string, problems: readonly Problem[]): ModelsError {
  return problemsError("MANIFEST_INVALID", `"${file}"`, problems);
}
