/** What the trusted comment of a signature binds: which document it is, which version of it, which bytes. Pure. */
import { isSha256, type Sha256 } from "../base/artifact.ts";

/** What can be signed. */
export type DocumentKind = "manifest" | "kit" | "lockfile" | "pieces" | "key";

export interface Binding {
  /** Of the kit, or of the file without its extension. */
  readonly name: string;
  /** Grows with every signature of a changed document. */
  readonly version: number;
  readonly sha256: Sha256;
  /** Null when it was signed by other means than ours. */
  readonly kind: DocumentKind | null;
}

const KINDS: readonly string[] = ["manifest", "kit", "lockfile", "pieces", "key"] satisfies readonly DocumentKind[];

/** `kit=flux version=7 sha256=… kind=kit`; what has no place in a word of the name is percent-encoded. */
export function formatBinding({ name, version, sha256, kind }: Binding): string {
  return `kit=${encodeURIComponent(name)} version=${version} sha256=${sha256}${kind === null ? "" : ` kind=${kind}`}`;
}

/** Reads a trusted comment; null when it binds nothing. Words that it does not know may stand beside. */
export function parseBinding(comment: string): Binding | null {
  const words = new Map<string, string>();
  for (const word of comment.trim().split(/\s+/)) {
    const [, key, value] = /^([a-z0-9]+)=(.*)$/.exec(word) ?? [];
    if (key === undefined || value === undefined) continue;
    if (words.has(key)) return null;
    words.set(key, value);
  }
  const name = decoded(words.get("kit") ?? "");
  const [version, sha256] = [words.get("version") ?? "", words.get("sha256")];
  const kind = words.get("kind") ?? null;
  if (name === "" || !/^(?:0|[1-9][0-9]{0,14})$/.test(version) || !isSha256(sha256)) return null;
  return isKind(kind) ? { name, version: Number(version), sha256, kind } : null;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}

function isKind(kind: string | null): kind is DocumentKind | null {
  return kind === null || KINDS.includes(kind);
}
