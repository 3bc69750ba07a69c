/** Where in a bucket a model belongs: `r2://bucket/prefix`, and below it ComfyUI's folders or names by content. Pure. */
import type { Sha256 } from "../base/artifact.ts";
import { ModelsError } from "../base/errors.ts";
import { type BucketSource, formatSource, parseSource } from "../sources/uri.ts";

/** `tree` mirrors ComfyUI's folders, `sha256` names objects by their content. */
export type BucketLayout = "tree" | "sha256";

export interface Destination {
  readonly kind: "r2" | "s3";
  readonly bucket: string;
  /** Without slashes at its ends; empty for the whole bucket. */
  readonly prefix: string;
  readonly layout: BucketLayout;
}

/** What is behind an object's key to name its piece table. */
export const PIECES_SUFFIX = ".pieces";

interface DestinationOptions {
  /** @default the layout of the configured mirror, else `tree` */
  readonly layout?: BucketLayout | undefined;
  /** The configured mirrors: the one that is a bucket is the destination when none is written. */
  readonly mirrors: readonly { readonly template: string }[];
}

/**
 * The destination that `text` names, or the one bucket that the configuration offers as a mirror.
 * @throws ModelsError `USAGE`
 */
export function parseDestination(text: string | undefined, { layout, mirrors }: DestinationOptions): Destination {
  if (text !== undefined) return { ...readPlace(text), layout: layout ?? "tree" };
  const offered = mirrors.filter(({ template }) => /^(?:r2|s3):\/\//i.test(template));
  const [first, second] = offered;
  if (first === undefined || second !== undefined) {
    const seen = first === undefined ? "no bucket is named" : `${offered.length} buckets are configured as mirrors`;
    throw new ModelsError("USAGE", `Cannot tell where to publish: ${seen}`, {
      fix: "name one with --to r2://bucket/prefix",
    });
  }
  const isByContent = first.template.includes("{sha256}");
  const place = first.template.replace(/\/?[^/]*\{(?:path|name|sha256)\}.*$/s, "");
  return { ...readPlace(place), layout: layout ?? (isByContent ? "sha256" : "tree") };
}

/** The key of a model's object. */
export function keyIn(
  { prefix, layout }: Destination,
  { path, sha256 }: { readonly path: string; readonly sha256: Sha256 },
): string {
  const name = layout === "tree" ? path : sha256;
  return prefix === "" ? name : `${prefix}/${name}`;
}

/** `r2://bucket/key`, as a manifest has it. */
export function uriOf({ kind, bucket }: Pick<Destination, "kind" | "bucket">, key: string): string {
  return formatSource({ kind, bucket, key });
}

/** `r2://bucket/prefix`, as it is printed. */
export function nameOf({ kind, bucket, prefix }: Destination): string {
  return prefix === "" ? `${kind}://${bucket}` : `${kind}://${bucket}/${prefix}`;
}

function readPlace(text: string): Omit<Destination, "layout"> {
  const source = parseBucket(text);
  if (source !== null) return { kind: source.kind, bucket: source.bucket, prefix: source.key.replace(/\/?x$/, "") };
  throw new ModelsError("USAGE", `Cannot publish to "${text.slice(0, 200)}": it is no bucket`, {
    fix: "write it as r2://bucket/prefix or s3://bucket/prefix",
  });
}

/** A place is read like a source, with a name behind it that every place could hold. */
function parseBucket(text: string): BucketSource | null {
  try {
    const source = parseSource(`${text.replace(/\/+$/, "")}/x`);
    return source.kind === "r2" || source.kind === "s3" ? source : null;
  } catch {
    return null;
  }
}
