/** Where a redirect may lead, and what may go with it. Pure. */
import { ModelsError } from "../base/errors.ts";
import { redactUrl } from "../base/secret.ts";

/** Most redirects that one request follows. */
export const MAX_REDIRECTS = 5;

/** Longest address that is followed, in characters. A signed one has some 2,000. */
const MAX_LOCATION = 8192;

/** Headers that say what is asked for, not who asks; only these follow to another origin. */
const NEUTRAL = new Set(["accept", "range"]);

/** True for the statuses that carry on at `Location` (RFC 9110 section 15.4). */
export function isRedirect(status: number): boolean {
  return status === 301 || status === 302 || status === 303 || status === 307 || status === 308;
}

/**
 * The address after `location`, as answered by the last of `visited` (oldest first).
 * Relative and `//host` forms are resolved against it.
 * @throws ModelsError `MIRROR_LIED` for a loop, too many hops, https to http, other schemes, or a user in the address
 */
export function nextHop(visited: readonly URL[], location: string): URL {
  const from = visited.at(-1) as URL;
  const refuse = (seen: string): ModelsError =>
    new ModelsError("MIRROR_LIED", `Cannot follow the redirect of "${redactUrl(from)}": ${seen}`);
  if (visited.length > MAX_REDIRECTS) throw refuse(`it is the ${visited.length}th, expected at most ${MAX_REDIRECTS}`);
  if (location.length > MAX_LOCATION) throw refuse(`its Location has more than ${MAX_LOCATION} characters`);
  if (!URL.canParse(location, from.href)) throw refuse("its Location is not a URL");
  const to = new URL(location, from);
  to.hash = "";
  if (to.protocol !== "https:" && to.protocol !== "http:") {
    throw refuse(`it leads to ${to.protocol.slice(0, 20)}, expected https`);
  }
  if (from.protocol === "https:" && to.protocol === "http:") {
    throw refuse(`it leads from https to plain http on ${to.host}, expected https`);
  }
  if (to.username !== "" || to.password !== "") throw refuse(`its Location carries a user name for ${to.host}`);
  if (visited.some((one) => one.href === to.href)) throw refuse("it leads in a circle");
  return to;
}

/** The headers that still go along once a request has left the origin that it was made for. */
export function neutralHeaders(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => NEUTRAL.has(name.toLowerCase())));
}
