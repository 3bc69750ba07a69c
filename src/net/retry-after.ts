/** How long a busy server asks to be left alone, read from its headers. Pure. */

/**
 * Milliseconds to wait, or null when the answer does not say.
 * `RateLimit: "resolvers";r=0;t=87` counts first (the Hub sends it, usually without `Retry-After`), then
 * `Retry-After` in seconds or as a date, which is read against the answer's own `Date`, not this box's clock.
 */
export function retryAfterMs(field: (name: string) => string | undefined): number | null {
  return rateLimitMs(field("ratelimit") ?? "") ?? delayMs((field("retry-after") ?? "").trim(), field("date") ?? "");
}

/** The longest wait of the policies that are used up (draft-ietf-httpapi-ratelimit-headers). */
function rateLimitMs(text: string): number | null {
  const waits = text.split(",").flatMap((policy) => {
    const isSpent = /;\s*r=0\s*(?:;|$)/i.test(policy);
    const seconds = /;\s*t=(\d{1,9})\s*(?:;|$)/i.exec(policy)?.[1];
    // The window ends within this second, not before it.
    return isSpent && seconds !== undefined ? [(Number(seconds) + 1) * 1000] : [];
  });
  return waits.length === 0 ? null : Math.max(...waits);
}

/** RFC 9110 section 10.2.3. */
function delayMs(after: string, now: string): number | null {
  if (/^\d{1,15}$/.test(after)) return Math.min(Number(after) * 1000, Number.MAX_SAFE_INTEGER);
  const waitMs = dateMs(after) - dateMs(now);
  return Number.isNaN(waitMs) ? null : Math.max(0, waitMs);
}

/** `Date.parse` takes nearly anything for a date: only what begins with a day's name is one here. */
const dateMs = (text: string): number =>
  /^(?:mon|tue|wed|thu|fri|sat|sun)/i.test(text) ? Date.parse(text) : Number.NaN;
