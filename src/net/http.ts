/** The control plane: small requests, redirects followed one hop at a time, retries, pauses that hosts ask for. */
import { setMaxListeners } from "node:events";
import type { Clock } from "../base/clock.ts";
import { ModelsError } from "../base/errors.ts";
import type { Report } from "../base/events.ts";
import { backoffMs, eitherSignal } from "../base/flow.ts";
import { redactUrl } from "../base/secret.ts";
import { createAgents } from "./agents.ts";
import { type ExchangeAnswer, type ExchangeRequest, exchange } from "./exchange.ts";
import { createHostWaits } from "./host-waits.ts";
import type { ProxyVariables } from "./lane-protocol.ts";
import { assertTextUrl, textOf } from "./plain-text.ts";
import { proxyFor } from "./proxy.ts";
import { isRedirect, neutralHeaders, nextHop } from "./redirects.ts";
import { retryAfterMs } from "./retry-after.ts";

export interface HttpSettings {
  /** PEM file of authorities to trust beside the built-in ones, or null. */
  readonly caFile: string | null;
  readonly proxy: ProxyVariables;
  /** `modelferry/<version>`. The Hub's CDN strips headers for agents that name no program. */
  readonly userAgent: string;
  /** @default 10 000 */
  readonly connectTimeoutMs?: number;
  /** Time until the head of an answer, and between two parts of its body. @default 20 000 */
  readonly idleTimeoutMs?: number;
  /** Connections to one origin at a time. @default 16 */
  readonly connections?: number;
}

/** Headers that prove who asks, for one origin (scheme, host and port) only. */
export interface Credential {
  readonly origin: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface HttpRequest {
  readonly url: string;
  /** @default "GET" */
  readonly method?: "GET" | "HEAD";
  /** Sent to the first origin; of these only `Accept` and `Range` follow to another. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly credential?: Credential | null;
  /** @default 1 MiB */
  readonly maxBytes?: number;
  /** Whether a longer body fails or is cut after `maxBytes`. @default "refuse" */
  readonly overflow?: "refuse" | "cut";
  /** @default "follow" */
  readonly redirect?: "follow" | "manual";
  /**
   * Whether the address may be in a private network: true and false hold for every hop; when it is left out,
   * the first hop may, and the others only if the first is.
   */
  readonly mayBePrivate?: boolean;
  /** For each try as a whole. @default 60 000 */
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
}

/** One answer on the way. */
export interface Hop {
  /** May be signed: never print it. */
  readonly url: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
}

export interface HttpAnswer extends Hop {
  readonly body: Uint8Array;
  /** The redirects that led here, first first. */
  readonly hops: readonly Hop[];
  /** Whether the first host turned out to be in a private network (or `mayBePrivate` said that it may be). */
  readonly mayBePrivate: boolean;
}

export interface Http {
  /**
   * Asks, follows, retries. Any status comes back as an answer, but 408, 425, 429 and 5xx that did not pass.
   * @throws ModelsError `MIRROR_FAILED`, `MIRROR_STALLED`, `MIRROR_RATE_LIMITED`, `MIRROR_LIED` (a redirect or an
   * address that must not be followed), `CONFIG_INVALID` (proxy or CA file); the signal's reason when it is aborted
   */
  readonly request: (request: HttpRequest) => Promise<HttpAnswer>;
  /**
   * The text at `url`, at most 128 MiB, for manifests.
   * @throws ModelsError as `request`, and `SOURCE_INVALID`, `SOURCE_NOT_FOUND`, `SOURCE_UNAUTHORIZED`
   */
  readonly fetchText: (url: string, signal?: AbortSignal, credential?: Credential | null) => Promise<string>;
  /** True when `hostname` is this box or in a private network, as far as this box can tell. */
  readonly isPrivateHost: (hostname: string) => Promise<boolean>;
  readonly close: () => Promise<void>;
}

interface HttpPorts {
  readonly clock: Clock;
  readonly report: Report;
}

const TRIES = 4;
/** Pauses that a host asks for are no failures: among a thousand boxes the last one waits for many windows. */
const MOST_PAUSES = 20;
const MOST_PAUSED_MS = 600_000;
const LEAST_PAUSE_MS = 250;
const MAX_BYTES = 1024 * 1024;
const MAX_TEXT_BYTES = 128 * 1024 * 1024;
const DEADLINE_MS = 60_000;
const TEXT_DEADLINE_MS = 600_000;

/** Opens no connection and reads no file before the first request. */
export function createHttp(settings: HttpSettings, ports: HttpPorts): Http {
  const agents = createAgents(settings, ports.clock);
  const waits = createHostWaits(ports);
  const closed = new AbortController();
  // As many requests follow it as are under way.
  setMaxListeners(0, closed.signal);
  const { clock } = ports;

  const viaOf = (url: URL): string | null => proxyFor(url, settings.proxy)?.url.host ?? null;
  const persist = async (hop: PreparedHop): Promise<ExchangeAnswer> => {
    const dispatcher = await agents.for(hop.mayBePrivate);
    let [attempt, pauses, pausedMs] = [0, 0, 0];
    for (;;) {
      await waits.ready(hop.url.host, hop.signal);
      const result = await exchange(dispatcher, clock, { ...hop, via: viaOf(hop.url) });
      const isLast = attempt === TRIES - 1 || pauses === MOST_PAUSES || pausedMs >= MOST_PAUSED_MS;
      if (result.kind === "answer" && !isBusy(result.status)) return result;
      if (result.kind === "failed" && (isLast || !result.mayPass)) throw result.error;
      const wished = result.kind === "answer" ? retryAfterMs((name) => result.headers[name]) : null;
      // Who asks for no pause at all is asked again as if nothing had been said.
      const asked = wished !== null && wished < LEAST_PAUSE_MS ? null : wished;
      if (asked !== null) waits.pause(hop.url.host, asked);
      if (result.kind === "answer" && isLast) {
        throw busy(hop.url, { status: result.status, tries: attempt + pauses + 1, via: viaOf(hop.url) });
      }
      if (asked === null) {
        await clock.sleep(backoffMs(attempt, clock), hop.signal);
        attempt += 1;
      } else {
        pauses += 1;
        pausedMs += asked;
      }
    }
  };

  const request = async (asked: HttpRequest): Promise<HttpAnswer> => {
    using either = eitherSignal(asked.signal ?? closed.signal, closed.signal);
    const { signal } = either;
    signal.throwIfAborted();
    const first = new URL(asked.url);
    const visited = [first];
    const hops: Hop[] = [];
    let headers = { accept: "*/*", "accept-encoding": "identity", ...asked.headers };
    let credential = asked.credential ?? null;
    for (;;) {
      const url = visited.at(-1) as URL;
      const isPrivate = asked.mayBePrivate ?? agents.wasPrivate(first.hostname);
      const mayBePrivate = asked.mayBePrivate ?? (hops.length === 0 || isPrivate);
      const own = credential !== null && new URL(credential.origin).origin === url.origin ? credential.headers : {};
      const sent = { ...headers, ...own, "accept-encoding": "identity", "user-agent": settings.userAgent };
      const answer = await persist({ ...prepare(asked), url, headers: sent, mayBePrivate, signal });
      const { location } = answer.headers;
      const hop = { url: url.href, status: answer.status, headers: answer.headers };
      if (!isRedirect(answer.status) || location === undefined || asked.redirect === "manual") {
        return {
          ...hop,
          body: answer.body,
          hops,
          mayBePrivate: asked.mayBePrivate ?? agents.wasPrivate(first.hostname),
        };
      }
      hops.push(hop);
      const next = nextHop(visited, location);
      if (next.origin !== url.origin) {
        headers = { accept: "*/*", "accept-encoding": "identity", ...neutralHeaders(headers) };
        // Once away, always away: nobody else may send us back with the token in hand.
        credential = null;
      }
      visited.push(next);
    }
  };

  return {
    request,
    fetchText: async (url, signal, credential = null) => {
      await assertTextUrl(url, agents.leadsToPrivate);
      const limits = { maxBytes: MAX_TEXT_BYTES, deadlineMs: TEXT_DEADLINE_MS };
      const answer = await request({ url, ...limits, credential, ...(signal === undefined ? {} : { signal }) });
      return textOf(answer, url);
    },
    isPrivateHost: agents.leadsToPrivate,
    close: async () => {
      closed.abort(new ModelsError("INTERRUPTED", "Cannot read on: the connections were closed"));
      await agents.close();
    },
  };
}

type PreparedHop = Omit<ExchangeRequest, "via"> & { readonly mayBePrivate: boolean };

const prepare = (asked: HttpRequest): Pick<PreparedHop, "method" | "maxBytes" | "overflow" | "deadlineMs"> => ({
  method: asked.method ?? "GET",
  maxBytes: asked.maxBytes ?? MAX_BYTES,
  overflow: asked.overflow ?? "refuse",
  deadlineMs: asked.deadlineMs ?? DEADLINE_MS,
});

const isBusy = (status: number): boolean => status === 408 || status === 425 || status === 429 || status >= 500;

interface Busy {
  readonly status: number;
  readonly tries: number;
  readonly via: string | null;
}

function busy(url: URL, { status, tries, via }: Busy): ModelsError {
  const way = via === null ? "" : ` through the proxy ${via}`;
  const message = `Cannot read "${redactUrl(url)}": ${url.host} answers ${status}${way} after ${tries} tries`;
  if (status !== 429) return new ModelsError("MIRROR_FAILED", message);
  const fix = "try again later, add a token for this host (its limits are usually higher), or add another mirror";
  return new ModelsError("MIRROR_RATE_LIMITED", message, { fix });
}
