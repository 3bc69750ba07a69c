/** The headers of a range request, the same for every lane. Pure. */
import { ModelsError } from "../base/errors.ts";
import type { HttpEndpoint } from "../base/mirror.ts";
import type { ByteRange } from "../base/range.ts";

/**
 * What asks for `range` of `endpoint`, without `Host`.
 * @throws ModelsError `MIRROR_LIED` when a header of the endpoint cannot be sent
 */
export function rangeHeaders(
  endpoint: HttpEndpoint,
  { start, end }: ByteRange,
  userAgent: string,
): Readonly<Record<string, string>> {
  const headers = {
    "User-Agent": userAgent,
    Accept: "*/*",
    "Accept-Encoding": "identity",
    ...(endpoint.hasRanges ? { Range: `bytes=${start}-${end - 1}` } : {}),
    ...condition(endpoint),
    ...endpoint.headers,
  };
  for (const [name, value] of Object.entries(headers)) {
    if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name) || !/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) {
      // The value may be a secret: only its name is told.
      const seen = `the header ${JSON.stringify(name)} has characters that HTTP does not allow`;
      throw new ModelsError("MIRROR_LIED", `Cannot ask for a range: ${seen}`);
    }
  }
  return headers;
}

/**
 * `If-Match` with a strong validator: S3 and R2 honour it, and ignore `If-Range`. A weak one, a date, or one of several
 * is only compared.
 */
function condition({ validator, synonyms = [] }: HttpEndpoint): Readonly<Record<string, string>> {
  return synonyms.length === 0 && validator?.startsWith('"') ? { "If-Match": validator } : {};
}
