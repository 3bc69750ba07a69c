/** An ordinary web server with named content and correct ranges: the mirror that everything else is compared with. */
import { createHash } from "node:crypto";
import { type Content, sizeOf } from "./content.ts";
import { notFound, type Origin, type OriginOptions, startOrigin } from "./origin.ts";
import { type RangeRules, type Representation, rangeReply } from "./range.ts";

export interface Stored {
  readonly content: Content;
  /** With quotes. @default strong, new with every `put` */
  readonly etag?: string | null;
  /** @default "application/octet-stream" */
  readonly contentType?: string;
  readonly lastModified?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Named content, as several origins keep it. */
export interface Shelf {
  /** Offers `stored` at `path` (`/a/b.bin`), in place of what was there; gives the path. */
  readonly put: (path: string, stored: Content | Stored) => string;
  readonly remove: (path: string) => void;
  readonly find: (path: string) => Representation | null;
}

export interface RangeServer extends Origin {
  /** Offers content under `/<path>`; gives its URL. */
  readonly put: (path: string, stored: Content | Stored) => string;
  readonly remove: (path: string) => void;
}

/** Starts a server that serves `content` by name. */
export async function startRangeServer(
  content: Readonly<Record<string, Content | Stored>> = {},
  options: OriginOptions & RangeRules = {},
): Promise<RangeServer> {
  const shelf = createShelf(content);
  const origin = await startOrigin((asked) => {
    const found = shelf.find(asked.path);
    return found === null ? notFound() : rangeReply(found, asked, options);
  }, options);
  return {
    ...origin,
    put: (path, stored) => origin.url + encodePath(shelf.put(path, stored)),
    remove: shelf.remove,
  };
}

export function createShelf(content: Readonly<Record<string, Content | Stored>> = {}): Shelf {
  const known = new Map<string, Representation>();
  let version = 0;
  const shelf: Shelf = {
    put: (path, stored) => {
      version += 1;
      const key = rooted(path);
      known.set(key, representationOf(stored, `${key} ${version}`));
      return key;
    },
    remove: (path) => {
      known.delete(rooted(path));
    },
    find: (path) => known.get(path) ?? null,
  };
  for (const [path, stored] of Object.entries(content)) shelf.put(path, stored);
  return shelf;
}

const rooted = (path: string): string => (path.startsWith("/") ? path : `/${path}`);

/** A path as it stands in a URL: every part encoded, slashes kept. */
export function encodePath(path: string): string {
  return path.split("/").map(encodeURIComponent).join("/");
}

function representationOf(stored: Content | Stored, identity: string): Representation {
  const full: Stored = stored instanceof Uint8Array || !("content" in stored) ? { content: stored } : stored;
  const made = `"${createHash("md5")
    .update(`${identity} ${sizeOf(full.content)}`)
    .digest("hex")}"`;
  return {
    content: full.content,
    etag: full.etag === undefined ? made : full.etag,
    contentType: full.contentType ?? "application/octet-stream",
    lastModified: full.lastModified ?? null,
    headers: full.headers ?? {},
  };
}
