/** How requests go through a proxy: plain ones in absolute form, the others in a tunnel; what is its fault names it. */
import type { Dispatcher } from "undici";
import { networkReason } from "./network-reason.ts";
import { type ChosenProxy, ProxyProblem } from "./proxy.ts";
import { Pool, ProxyAgent } from "./undici.ts";

export interface ViaProxyOptions {
  /** Of the connections to the proxy: how many, and how long they may be silent. */
  readonly limits: {
    readonly connections: number;
    readonly connectTimeout: number;
    readonly headersTimeout: number;
    readonly bodyTimeout: number;
  };
  /** How a connection to the proxy is made. */
  readonly connect: { readonly timeout: number; readonly autoSelectFamily: boolean };
  /** Who is trusted, by proxies and far ends that speak TLS; asked for only where one does. */
  readonly trust: () => object;
}

/**
 * What sends requests for `origin` through `proxy`. As curl, wget and aria2 do it, `http:` goes as `GET http://…`: many
 * proxies let a tunnel lead to port 443 only (RFC 9112, section 3.2.2). The credential of the proxy goes to the proxy alone.
 */
export function viaProxy(origin: URL, proxy: ChosenProxy, options: ViaProxyOptions): Dispatcher {
  const way = origin.protocol === "https:" ? tunnel(proxy, options) : absolute(origin, proxy, options);
  return way.compose((dispatch) => (request, handler) => dispatch(request, blaming(handler, proxy)));
}

function tunnel({ url }: ChosenProxy, { limits, connect, trust }: ViaProxyOptions): Dispatcher {
  const token = authorizationOf(url);
  return new ProxyAgent({
    ...limits,
    uri: url.origin,
    ...(token === null ? {} : { token }),
    proxyTls: { ...connect, ...trust() },
    requestTls: trust(),
  });
}

/** Not undici's `proxyTunnel: false`: that keeps no limits, tunnels through a proxy that speaks TLS, and ends a 407 twice. */
function absolute({ origin, host }: URL, { url }: ChosenProxy, options: ViaProxyOptions): Dispatcher {
  const { limits, connect, trust } = options;
  const token = authorizationOf(url);
  const own = { host, ...(token === null ? {} : { "proxy-authorization": token }) };
  const secure = url.protocol === "https:" ? trust() : {};
  return new Pool(url.origin, { ...limits, connect: { ...connect, ...secure } }).compose(
    (dispatch) => (request, handler) => {
      const headers = { ...own, ...(request.headers as Readonly<Record<string, string>>) };
      return dispatch({ ...request, origin: url.origin, path: origin + request.path, headers }, handler);
    },
  );
}

function authorizationOf({ username, password }: URL): string | null {
  if (username === "" && password === "") return null;
  return `Basic ${Buffer.from(`${plain(username)}:${plain(password)}`).toString("base64")}`;
}

/** A password with a `%` that escapes nothing is one, too. */
function plain(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Passes everything on, but what the proxy itself did wrong as a {@link ProxyProblem}. */
function blaming(handler: Dispatcher.DispatchHandler, proxy: ChosenProxy): Dispatcher.DispatchHandler {
  return {
    onRequestStart: (controller, context) => handler.onRequestStart?.(controller, context),
    onRequestUpgrade: (...given) => handler.onRequestUpgrade?.(...given),
    onResponseStart: (controller, status, headers, text) => {
      if (isOwnAnswer(status, headers)) controller.abort(refusal(proxy, status));
      else handler.onResponseStart?.(controller, status, headers, text);
    },
    onResponseData: (controller, part) => handler.onResponseData?.(controller, part),
    onResponseEnd: (controller, trailers) => handler.onResponseEnd?.(controller, trailers),
    onResponseError: (controller, error) => handler.onResponseError?.(controller, blame(proxy, error)),
  };
}

/** Squid and tinyproxy mark their own pages (tinyproxy says 401 for a wrong password); of others' nobody can tell whose they are. */
function isOwnAnswer(status: number, headers: Readonly<Record<string, unknown>>): boolean {
  if (status < 400) return false;
  const { server } = headers;
  return status === 407 || headers["x-squid-error"] !== undefined || /^tinyproxy\b/i.test(String(server ?? ""));
}

function blame(proxy: ChosenProxy, error: Error): Error {
  const refused = /^Proxy response \((\d{3})\)/.exec(error.message)?.[1];
  if (refused !== undefined) return refusal(proxy, Number(refused), error);
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  // The only connection of ours is the one to the proxy.
  if (!/^(connect|getaddrinfo)$/.test(String((first as NodeJS.ErrnoException).syscall))) return error;
  const fix = `check ${proxy.variable}, or name the host in NO_PROXY`;
  const seen = `the proxy ${proxy.url.host} cannot be reached: ${networkReason(first)}`;
  return new ProxyProblem(seen, { fix, mayPass: true, cause: error });
}

function refusal({ url, variable }: ChosenProxy, status: number, cause?: unknown): ProxyProblem {
  const mayPass = status >= 500 || status === 408 || status === 429;
  const fix = mayPass
    ? `try again later; if it stays so, the proxy may not reach the host: check ${variable}, or name the host in NO_PROXY`
    : `check ${variable} and the user name and password in it, or name the host in NO_PROXY`;
  return new ProxyProblem(`the proxy ${url.host} answers ${status}`, { fix, mayPass, cause });
}
