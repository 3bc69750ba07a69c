/** How long a busy server asks to be left alone, read from its headers. Pure. */

/**
 * Milliseconds to wait, or null when the answer does not say.
 * `RateLimit: "resolvers";r=0;t=87` counts first (the Hub sends it, usually without `Retry-After`), then
 * `Retry-After` in seconds or as a date, which is read against the answer's own `Date`, not this box's clock.
 */
export function retryAfterMs(field: (name: string) => string | undefined): number | null {
  const limit = /(?:^|;)\s*r=0\s*(?:;.*)?;\s*t=(\d{1,9})/i.exec(field("ratelimit") ?? "");
  if (limit !== null) return (Number(limit[1]) + 1) * 1000;
  const after = (field("retry-after") ?? "").trim();
  if (/^\d{1,15}$/.test(after)) return Number(after) * 1000;
  const [until, now] = [Date.parse(after), Date.parse(field("date") ?? "")];
  return Number.isNaN(until) || Number.isNaN(now) ? null : Math.max(0, until - now);
}
