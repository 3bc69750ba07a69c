/**
 * What tells one version of a file from another: its entity tag, or where its server has none the date of its last
 * change (RFC 9110 section 8.8). Pure.
 */

/**
 * A date counts only when it is this much older than its answer (RFC 9110 section 8.8.2.2): what is being written, and
 * what a server makes up for each answer, has a date that says nothing about its version.
 */
const SETTLED_MS = 60_000;

/** The validator of an answer with these headers, as it was sent; null when it has none that can be relied on. */
export function validatorIn(field: (name: string) => string | undefined): string | null {
  const etag = field("etag") ?? "";
  if (/^(W\/)?"[\x21\x23-\x7e\x80-\xff]*"$/.test(etag)) return etag;
  const changed = field("last-modified") ?? "";
  return dateMs(field("date") ?? "") - dateMs(changed) >= SETTLED_MS ? changed : null;
}

/** The header that `validator` came in. */
export function headerOf(validator: string): "ETag" | "Last-Modified" {
  return Number.isNaN(dateMs(validator)) ? "ETag" : "Last-Modified";
}

/** True when two values of one header name the same version. */
export function isSameVersion(one: string, other: string): boolean {
  return opaque(one) === opaque(other);
}

/** Caches make a strong validator weak in passing; the bytes are the same as long as the tag is (RFC 9110 section 8.8.3.2). */
const opaque = (validator: string): string => validator.replace(/^W\//, "");

/** `Date.parse` takes nearly anything for a date: only the form that servers must send is one here (section 5.6.7). */
const dateMs = (text: string): number =>
  /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/.test(text) ? Date.parse(text) : Number.NaN;
