/** A storage host behind signed, short-lived links: what the Hub and Civitai redirect to. */
import { createHmac, timingSafeEqual } from "node:crypto";
import { systemClock } from "../../src/base/clock.ts";
import type { Content } from "./content.ts";
import { type LoggedRequest, type Origin, type OriginOptions, startOrigin } from "./origin.ts";
import { rangeReply } from "./range.ts";
import { createShelf, encodePath } from "./range-server.ts";
import { type Asked, type Reply, replyWith } from "./reply.ts";

export interface SignedHostOptions extends OriginOptions {
  /** Seconds for which a link works. @default 3600 */
  readonly linkSeconds?: number;
}

export interface SignedHost {
  readonly origin: Origin;
  /** A link to `content` that works for GET only, for a while. */
  readonly sign: (path: string, content: Content, etag: string) => string;
  /** Makes every link that was handed out worthless now. */
  readonly expireLinks: () => void;
  /** How long links made from now on work. */
  readonly setLinkSeconds: (seconds: number) => void;
  /** Requests that carried a credential, which this host must never see. */
  readonly leaks: () => readonly LoggedRequest[];
}

const CREDENTIALS = ["authorization", "cookie", "proxy-authorization", "x-api-key"] as const;

export async function startSignedHost(options: SignedHostOptions = {}): Promise<SignedHost> {
  const shelf = createShelf();
  let generation = 0;
  let linkSeconds = options.linkSeconds ?? 3600;
  const nowSeconds = (): number => systemClock.now() / 1000;
  const signatureOf = (path: string, expires: string): string =>
    createHmac("sha256", `key ${generation}`).update(`GET\n${path}\n${expires}`).digest("hex");

  const isSigned = ({ path, query }: Asked): boolean => {
    const [expires, signature] = [query.get("Expires") ?? "", query.get("Signature") ?? ""];
    const right = Buffer.from(signatureOf(path, expires));
    const given = Buffer.from(signature);
    const isRight = given.length === right.length && timingSafeEqual(given, right);
    return isRight && Number(expires) > nowSeconds();
  };
  const origin = await startOrigin((asked) => {
    const found = shelf.find(asked.path);
    if (found === null || asked.method !== "GET" || !isSigned(asked)) return accessDenied(403);
    return rangeReply(found, asked, { honoursIfRange: false, errorReply: accessDenied });
  }, options);
  return {
    origin,
    sign: (path, content, etag) => {
      shelf.put(path, { content, etag, contentType: "binary/octet-stream", headers: { "Cache-Control": "private" } });
      const expires = String(nowSeconds() + linkSeconds);
      const query = new URLSearchParams({
        "response-content-disposition": `inline; filename="${path.split("/").at(-1)}"`,
        Expires: expires,
        Signature: signatureOf(path, expires),
        "Key-Pair-Id": "K2FPYV99P2N66Q",
      });
      return `${origin.url}${encodePath(path)}?${query}`;
    },
    expireLinks: () => {
      generation += 1;
    },
    setLinkSeconds: (seconds) => {
      linkSeconds = seconds;
    },
    leaks: () => origin.requests.filter(({ headers }) => CREDENTIALS.some((name) => headers[name] !== undefined)),
  };
}

function accessDenied(status: number): Reply {
  const code = status === 416 ? "InvalidRange" : status === 412 ? "PreconditionFailed" : "AccessDenied";
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code></Error>`;
  return replyWith(status, { "Content-Type": "application/xml" }, body);
}
