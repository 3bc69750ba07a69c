/** Which configured credential goes with a request: the one for that very host and port, and no other. */
import type { Credential } from "../net/http.ts";
import type { HostCredential } from "./source.ts";

/** The credential for `url`, or null. `host` alone means the scheme's own port. */
export function credentialFor(url: string, hosts: readonly HostCredential[]): Credential | null {
  const { host, origin } = new URL(url);
  const found = hosts.find((one) => normalHost(one.host, url) === host);
  return found === undefined ? null : { origin, headers: headersOf(found) };
}

function normalHost(host: string, url: string): string {
  const whole = `${new URL(url).protocol}//${host}`;
  return URL.canParse(whole) ? new URL(whole).host : "";
}

function headersOf({ scheme, header, secret }: HostCredential): Record<string, string> {
  const value = secret.reveal();
  if (scheme === "bearer") return { authorization: `Bearer ${value}` };
  if (scheme === "basic") return { authorization: `Basic ${Buffer.from(value).toString("base64")}` };
  return { [(header ?? "authorization").toLowerCase()]: value };
}
