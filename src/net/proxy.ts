/** Which proxy a request takes, from the variables that every tool reads, and what its failures are. Pure. */
import { BlockList, isIP } from "node:net";
import { ModelsError } from "../base/errors.ts";
import type { ProxyVariables } from "./lane-protocol.ts";

/** The proxy of a request, and where its address stood. */
export interface ChosenProxy {
  /** May hold a user name and a password: never print it. */
  readonly url: URL;
  /** The variable that named it. */
  readonly variable: string;
}

/** The proxy itself refused, failed or could not be reached. Its message begins with `the proxy`. */
export class ProxyProblem extends Error {
  /** What the person does next. */
  readonly fix: string;
  /** True when the same request may well succeed a moment later. */
  readonly mayPass: boolean;

  constructor(seen: string, { fix, mayPass, cause }: { fix: string; mayPass: boolean; cause?: unknown }) {
    super(seen, { cause });
    this.fix = fix;
    this.mayPass = mayPass;
  }
}

/**
 * The proxy for `url`, or null to go directly: as curl does it, each scheme has its own variable, and `NO_PROXY`
 * names what goes directly: `host` (with everything below it), `.domain`, `*.domain`, `host:port`, an address,
 * a network such as `10.0.0.0/8`, or `*` for everything.
 * @throws ModelsError `CONFIG_INVALID` when the variable does not hold an http(s) URL
 */
export function proxyFor(url: URL, proxy: ProxyVariables): ChosenProxy | null {
  const chosen = url.protocol === "https:" ? proxy.https : proxy.http;
  const text = chosen?.value.trim() ?? "";
  if (chosen === null || text === "" || isExempt(url, proxy.none ?? "")) return null;
  const { name } = chosen;
  const whole = text.includes("://") ? text : `http://${text}`;
  if (URL.canParse(whole) && /^https?:$/.test(new URL(whole).protocol)) return { url: new URL(whole), variable: name };
  throw new ModelsError("CONFIG_INVALID", `Cannot use the proxy from ${name}: expected an http:// or https:// URL`, {
    fix: /^all_proxy$/i.test(name)
      ? `set HTTPS_PROXY (and HTTP_PROXY), which come before ${name}, to a URL such as http://proxy.example.net:3128`
      : `set ${name} to a URL such as http://proxy.example.net:3128, or unset it`,
  });
}

function isExempt(url: URL, none: string): boolean {
  const host = url.hostname
    .replace(/^\[(.*)\]$/, "$1")
    .replace(/\.$/, "")
    .toLowerCase();
  const port = url.port || (url.protocol === "https:" ? "443" : "80");
  return none
    .split(/[,\s]+/)
    .filter((entry) => entry !== "")
    .some((entry) => isNamed(host, port, entry.toLowerCase()));
}

function isNamed(host: string, port: string, entry: string): boolean {
  if (entry === "*") return true;
  if (entry.includes("/")) return isInNetwork(host, entry);
  const [, bracketed, plain, itsPort] = /^(?:\[([^\]]+)\]|(.+?))(?::(\d+))?$/.exec(entry) ?? [];
  // An IPv6 address without brackets has no port: its last group only looks like one.
  const name = isIP(entry) === 6 ? entry : (bracketed ?? plain ?? "");
  if (isIP(entry) !== 6 && itsPort !== undefined && itsPort !== port) return false;
  const bare = name.replace(/^\*?\./, "").replace(/\.$/, "");
  return bare !== "" && (host === bare || (isIP(bare) === 0 && host.endsWith(`.${bare}`)));
}

function isInNetwork(host: string, entry: string): boolean {
  const [address = "", prefix = ""] = entry.split("/");
  const [family, bits] = [isIP(address), Number(prefix)];
  if (family === 0 || isIP(host) !== family || !/^\d{1,3}$/.test(prefix) || bits > (family === 4 ? 32 : 128))
    return false;
  const list = new BlockList();
  const name = family === 4 ? "ipv4" : "ipv6";
  list.addSubnet(address, bits, name);
  return list.check(host, name);
}
