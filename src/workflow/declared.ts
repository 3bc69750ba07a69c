/** Models that a workflow's author declared: name, address, digest and folder, next to a node or for the whole file. */
import { isSha256, type Sha256 } from "../base/artifact.ts";
import { isAddress } from "./names.ts";
import { type Json, recordsOf, textAt } from "./shapes.ts";
import type { DeclaredModel } from "./workflow.ts";

/** The whole entries of a `models` list; one without a name, an address or a folder is of no use to anybody. */
export function readDeclared(models: unknown): readonly DeclaredModel[] {
  return recordsOf(models).flatMap((entry) => {
    const [name, url, directory] = [textAt(entry, "name"), textAt(entry, "url"), textAt(entry, "directory")];
    if (!name || !url || !directory || !isAddress(url)) return [];
    return [{ name, url: fileAddress(url), directory, sha256: digestOf(entry) }];
  });
}

function digestOf(entry: Json): Sha256 | null {
  const digest = textAt(entry, "hash")?.toLowerCase();
  const kind = textAt(entry, "hash_type")?.toLowerCase().replaceAll("-", "") ?? "sha256";
  return kind === "sha256" && isSha256(digest) ? digest : null;
}

/** The Hub shows a page about a file at `/blob/` and gives the file at `/resolve/`. */
function fileAddress(url: string): string {
  return url.replace(/^(https?:\/\/[^/]+\/[^/]+\/[^/]+)\/blob\//i, "$1/resolve/");
}
