/** When two addresses are one place: the same but for a signature. Pure. */
import type { Endpoint } from "../base/mirror.ts";

/** Query parameters that sign an address (CloudFront, S3, Google, Azure, Civitai's storage) and say nothing of the place. */
const SIGNING =
  /^(x-amz-.*|x-goog-.*|x-id|expires|signature|policy|key-pair-id|awsaccesskeyid|googleaccessid|sig|se|sp|sv|sr|st|skoid|sktid|skt|ske|sks|skv|token|response-content-disposition|response-content-type|b2content.*)$/i;

/** Equal for two endpoints that are one place. */
export function samePlaceKey(endpoint: Endpoint): string {
  if (endpoint.kind === "file") return `file ${endpoint.path}`;
  const url = new URL(endpoint.url);
  for (const name of [...url.searchParams.keys()]) if (SIGNING.test(name)) url.searchParams.delete(name);
  url.searchParams.sort();
  return `http ${url.href}`;
}
