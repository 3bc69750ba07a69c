/** The Hub's rate limits: fixed windows, one quota a bucket, told in every answer. */
import { systemClock } from "../../src/base/clock.ts";
import { type Reply, replyJson, withHeaders } from "./reply.ts";

export interface RateWindows {
  /** Requests per window and bucket. @default unlimited */
  readonly api?: number;
  readonly resolvers?: number;
  readonly pages?: number;
  /** @default 300 */
  readonly windowSeconds?: number;
}

type RateBucket = "api" | "resolvers" | "pages";

/** Counts a request in its bucket: gives 429 when that is spent, and otherwise how to mark the answer. */
export type RateCounter = (bucket: RateBucket) => {
  readonly refusal: Reply | null;
  readonly mark: (reply: Reply) => Reply;
};

export function createRateCounter(windows: RateWindows): RateCounter {
  const seconds = windows.windowSeconds ?? 300;
  const used = new Map<string, number>();
  return (bucket) => {
    const quota = windows[bucket];
    if (quota === undefined) return { refusal: null, mark: (reply) => reply };
    const now = systemClock.now() / 1000;
    const window = Math.floor(now / seconds);
    const key = `${bucket} ${window}`;
    const count = (used.get(key) ?? 0) + 1;
    used.set(key, count);
    const headers = {
      RateLimit: `"${bucket}";r=${Math.max(0, quota - count)};t=${Math.ceil((window + 1) * seconds - now)}`,
      "RateLimit-Policy": `"fixed window";"${bucket}";q=${quota};w=${seconds}`,
    };
    const error = "We had to rate limit your IP. To continue using our service, create a HF account or login.";
    return {
      refusal: count > quota ? replyJson(429, { error }, headers) : null,
      mark: (reply) => withHeaders(reply, headers),
    };
  };
}
