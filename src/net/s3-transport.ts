/** The AWS SDK's way to the network: its requests over our own connections, with our proxy, authorities and pace. */
import type { Dispatcher } from "undici";
import type { Clock } from "../base/clock.ts";
import { guardedLookup } from "./address-guard.ts";
import { createAgent, readExtraCa } from "./agent.ts";
import type { ProxyVariables } from "./lane-protocol.ts";
import { createRateLimiter } from "./rate-limiter.ts";
import { createResolver } from "./resolver.ts";

export interface S3TransportSettings {
  /** PEM file of authorities to trust beside the built-in ones, or null. */
  readonly caFile: string | null;
  readonly proxy: ProxyVariables;
  /** Bytes per second for all bodies together, or null. */
  readonly maxRate: number | null;
  /** Time until the head of an answer once the body is sent, and between two steps of either body. @default 60 000 */
  readonly idleTimeoutMs?: number;
}

/** What the SDK hands to its request handler, as far as it is used here. */
export interface WireRequest {
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number | undefined;
  readonly method: string;
  /** Encoded as it was signed. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | readonly string[] | null>> | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

export interface WireOptions {
  readonly abortSignal?: unknown;
  /** Hears of each step of the body that was handed to the socket. */
  readonly onSent?: (bytes: number) => void;
}

interface WireResponse {
  readonly statusCode: number;
  readonly headers: Record<string, string>;
  readonly body: unknown;
}

export interface S3Transport {
  readonly handle: (request: WireRequest, options?: WireOptions) => Promise<{ readonly response: WireResponse }>;
  readonly close: () => Promise<void>;
}

/** A body goes out in steps of this size, so that a slow link shows that it is alive, and a fast one is kept busy. */
const STEP_BYTES = 256 * 1024;
const CONNECTIONS = 64;
const CONNECT_TIMEOUT_MS = 10_000;
const IDLE_TIMEOUT_MS = 60_000;

/** Opens no connection before the first request. */
export function createS3Transport(settings: S3TransportSettings, clock: Clock): S3Transport {
  const limiter = createRateLimiter(clock);
  limiter.limit(settings.maxRate);
  let dispatcher: Promise<Dispatcher> | null = null;

  /** Known length, from memory: nothing is ever sent chunked. */
  async function* steps(body: Uint8Array, { onSent, abortSignal }: WireOptions): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < body.length; at += STEP_BYTES) {
      const step = body.subarray(at, Math.min(body.length, at + STEP_BYTES));
      const waitMs = limiter.waitMs();
      if (waitMs > 0) await clock.sleep(waitMs, abortSignal as AbortSignal | undefined);
      limiter.spend(step.length);
      yield step;
      onSent?.(step.length);
    }
  }

  return {
    handle: async (request, options = {}) => {
      dispatcher ??= openAgent(settings, clock);
      const agent = await dispatcher;
      const { abortSignal } = options;
      const answer: Dispatcher.ResponseData = await agent.request({
        origin: originOf(request),
        path: request.path + queryOf(request.query ?? {}),
        method: request.method as Dispatcher.HttpMethod,
        headers: { ...request.headers },
        // Its types lack what its documentation has: an async iterable.
        body: bodyOf(request.body, (body) => steps(body, options)) as unknown as Uint8Array | string | null,
        ...(abortSignal === undefined ? {} : { signal: abortSignal as AbortSignal }),
      });
      return { response: { statusCode: answer.statusCode, headers: flatten(answer.headers), body: answer.body } };
    },
    close: async () => {
      await (await dispatcher?.catch(() => null))?.destroy();
    },
  };
}

async function openAgent(settings: S3TransportSettings, clock: Clock): Promise<Dispatcher> {
  const { idleTimeoutMs = IDLE_TIMEOUT_MS } = settings;
  return createAgent({
    extraCa: settings.caFile === null ? null : await readExtraCa(settings.caFile),
    proxy: settings.proxy,
    // A bucket's endpoint is configured, never the result of a redirect.
    mayBePrivate: true,
    lookup: guardedLookup({ mayBePrivate: true }, createResolver(clock)),
    connections: CONNECTIONS,
    connectTimeoutMs: CONNECT_TIMEOUT_MS,
    idleTimeoutMs,
  });
}

function originOf({ protocol, hostname, port }: WireRequest): string {
  return `${protocol}//${hostname}${port === undefined ? "" : `:${port}`}`;
}

/** As the signature wants it: every byte but the unreserved ones escaped. */
function queryOf(query: NonNullable<WireRequest["query"]>): string {
  const pairs = Object.keys(query)
    .sort()
    .flatMap((name) => {
      const value = query[name] ?? null;
      if (value === null) return [escapeUri(name)];
      return [value].flat().map((one) => `${escapeUri(name)}=${escapeUri(String(one))}`);
    });
  return pairs.length === 0 ? "" : `?${pairs.join("&")}`;
}

function escapeUri(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function bodyOf(
  body: unknown,
  steps: (body: Uint8Array) => AsyncGenerator<Uint8Array>,
): AsyncGenerator<Uint8Array> | string | null {
  if (body === undefined || body === null) return null;
  if (typeof body === "string") return body;
  if (!(body instanceof Uint8Array)) throw new TypeError("a body must be bytes of a known length");
  return steps(body);
}

function flatten(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
  const flat: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) flat[name.toLowerCase()] = Array.isArray(value) ? value.join(", ") : value;
  }
  return flat;
}
