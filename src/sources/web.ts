/** How any web server is a mirror: `https://`, and `http://` inside the own network. */
import { ModelsError } from "../base/errors.ts";
import type { HttpEndpoint } from "../base/mirror.ts";
import { redactUrl } from "../base/secret.ts";
import { credentialFor, isConfiguredHost, unsetVariable } from "./credentials.ts";
import { askBeginning, isProbe, readProbe, refusalOf } from "./probe.ts";
import type { Asking, Resolved, SourceContext, SourceKind } from "./source.ts";
import type { WebSource } from "./uri.ts";

export const webSource: SourceKind<WebSource> = {
  label: ({ url }) => new URL(url).host,
  addressOf: ({ url }) => url,
  resolve: async ({ url }, asking, signal) => resolveAddress(url, redactUrl(url), { asking, signal }),
};

/**
 * Resolves one address, with the credential that is configured for its host.
 * @param name how the source is printed
 * @throws ModelsError as {@link SourceKind.resolve}
 */
export async function resolveAddress(
  url: string,
  name: string,
  { asking, signal }: { readonly asking: Asking; readonly signal: AbortSignal },
): Promise<Resolved> {
  await assertSafe(url, name, asking);
  const credential = credentialFor(url, asking.settings.hosts);
  const answer = await askBeginning(asking, { url, credential, signal });
  if (!isProbe(answer)) throw refusalOf(answer, name, unsetVariable(url, asking.settings.hosts));
  return { ...readProbe(answer, { ...asking, name, credential }), sha256: null, revision: null, staleAtMs: null };
}

/**
 * What can be read at `url` before anything was asked there, with the credential that is configured for its host.
 * @param name how the source is printed
 * @throws ModelsError `SOURCE_INVALID` for plain http to a public host
 */
export async function endpointAt(url: string, name: string, context: SourceContext): Promise<HttpEndpoint> {
  await assertSafe(url, name, context);
  const headers = credentialFor(url, context.settings.hosts)?.headers ?? {};
  return { kind: "http", url, headers, validator: null, mayBePrivate: true, hasRanges: true };
}

async function assertSafe(url: string, name: string, { settings, http }: SourceContext): Promise<void> {
  const { protocol, host, hostname } = new URL(url);
  if (protocol === "https:") return;
  const configured = [...settings.mirrors.map(({ template }) => template), ...publicUrls(settings.s3)];
  if (isConfiguredHost(url, settings.hosts) || configured.some((one) => hostOf(one) === host)) return;
  if (await http.isPrivateHost(hostname)) return;
  throw new ModelsError("SOURCE_INVALID", `Cannot use "${name}": it is plain http to a public host, expected https`, {
    fix: `write https://, or name ${host} under hosts or mirrors in models.config.yaml`,
  });
}

const publicUrls = (buckets: SourceContext["settings"]["s3"]): string[] =>
  Object.values(buckets).flatMap(({ publicUrl }) => (publicUrl ? [publicUrl] : []));

const hostOf = (template: string): string => (URL.canParse(template) ? new URL(template).host : "");
