/** A public R2 bucket: objects by key with ranges and ETags, no listing, and pages for people where there is nothing. */
import { createHash } from "node:crypto";
import { type Content, sizeOf } from "./content.ts";
import { type Origin, type OriginOptions, startOrigin } from "./origin.ts";
import { rangeReply } from "./range.ts";
import { createShelf, encodePath } from "./range-server.ts";
import { type Reply, replyWith } from "./reply.ts";

export interface BucketOptions extends OriginOptions {
  readonly objects?: Readonly<Record<string, Content>>;
  /** @default "public, max-age=14400" */
  readonly cacheControl?: string;
}

export interface Bucket extends Origin {
  /** Puts an object at `key`; gives its public URL. */
  readonly put: (key: string, content: Content) => string;
  readonly remove: (key: string) => void;
}

/** Starts a bucket; its `url` is what a configuration calls the public URL. */
export async function startBucket(options: BucketOptions = {}): Promise<Bucket> {
  const shelf = createShelf();
  let version = 0;
  const store = (key: string, content: Content): string => {
    version += 1;
    return shelf.put(key, {
      content,
      etag: etagOf(content, version),
      lastModified: "Thu, 01 Jan 2026 00:00:00 GMT",
      headers: { "Cache-Control": options.cacheControl ?? "public, max-age=14400" },
    });
  };
  for (const [key, content] of Object.entries(options.objects ?? {})) store(key, content);
  const origin = await startOrigin((asked) => {
    const found = shelf.find(asked.path);
    if (found === null) return errorPage(404);
    return rangeReply(found, asked, { honoursIfRange: false, severalRanges: "refused", errorReply: errorPage });
  }, options);
  return { ...origin, put: (key, content) => origin.url + encodePath(store(key, content)), remove: shelf.remove };
}

/** An object of one part has the md5 of its bytes; a bigger one has an upload's, which says nothing about the content. */
function etagOf(content: Content, version: number): string {
  const isOnePart = content instanceof Uint8Array && content.length <= 16 * 1024 * 1024;
  if (isOnePart) return `"${createHash("md5").update(content).digest("hex")}"`;
  const parts = Math.max(1, Math.ceil(sizeOf(content) / (16 * 1024 * 1024)));
  return `"${createHash("md5").update(`upload ${version}`).digest("hex")}-${parts}"`;
}

function errorPage(status: number): Reply {
  const title = status === 404 ? "Object not found" : `Error ${status}`;
  const html = `<!DOCTYPE html>\n<html lang="en"><head><title>${title}</title></head><body><h1>${title}</h1><p>This object does not exist or is not publicly accessible at this URL.</p></body></html>\n`;
  return replyWith(status, { "Content-Type": "text/html; charset=utf-8" }, html);
}
