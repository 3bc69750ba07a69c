/** Which configured credential goes with a request: the one for that very host and port, and no other. */
import type { HostCredential } from "../base/access.ts";
import type { Credential } from "../net/http.ts";

/** The credential for `url`, or null. `host` alone means the scheme's own port. */
export function credentialFor(url: string, hosts: readonly HostCredential[]): Credential | null {
  const found = hostOf(url, hosts);
  const headers = found === undefined ? null : headersOf(found);
  return headers === null ? null : { origin: new URL(url).origin, headers };
}

/** True when the configuration names the host of `url`, whether its secret is there or not. */
export function isConfiguredHost(url: string, hosts: readonly HostCredential[]): boolean {
  return hostOf(url, hosts) !== undefined;
}

/** The variable that should hold the secret for `url` and does not, or null. */
export function unsetVariable(url: string, hosts: readonly HostCredential[]): string | null {
  const found = hostOf(url, hosts);
  return found?.secret === null ? found.variable : null;
}

const hostOf = (url: string, hosts: readonly HostCredential[]): HostCredential | undefined =>
  hosts.find((one) => normalHost(one.host, url) === new URL(url).host);

function normalHost(host: string, url: string): string {
  const whole = `${new URL(url).protocol}//${host}`;
  return URL.canParse(whole) ? new URL(whole).host : "";
}

function headersOf({ scheme, header, secret }: HostCredential): Record<string, string> | null {
  if (secret === null) return null;
  const value = secret.reveal();
  if (scheme === "bearer") return { authorization: `Bearer ${value}` };
  if (scheme === "basic") return { authorization: `Basic ${Buffer.from(value).toString("base64")}` };
  return { [(header ?? "authorization").toLowerCase()]: value };
}
