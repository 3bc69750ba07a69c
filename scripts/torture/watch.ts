/** Looks at a world's servers a few hundred times a second: what they sent, which requests were open, who fell silent. */

import { PROBE_BYTES } from "../../src/sources/probe.ts";
import type { LoggedRequest } from "../../tests/origins/index.ts";
import type { WantedFile } from "./box.ts";
import type { WorldOrigins } from "./origins.ts";
import { keyOf } from "./stock.ts";

export interface Watch {
  /** Looks; to be called often. */
  readonly look: () => void;
  /** Requests for weights, the small first one of each mirror left out. */
  readonly requests: () => readonly LoggedRequest[];
  /** Bytes of `file` that were sent. */
  readonly sentOf: (file: WantedFile) => number;
  readonly sentBytes: () => number;
  /** Requests that were open at some time of the last `ms`. */
  readonly openWithin: (ms: number) => readonly LoggedRequest[];
  /** Requests of which another one took over the end while they were under way. */
  readonly stolen: () => ReadonlySet<LoggedRequest>;
  /** A kill ends what was open: that silence was found by nobody. */
  readonly forgive: () => void;
  /** How long each silence that a fault made lasted before the client gave up the request, in milliseconds. */
  readonly silences: () => readonly number[];
  /** Changes whenever something moves. */
  readonly pulse: () => string;
}

interface Seen {
  readonly beganMs: number;
  sent: number;
  movedMs: number;
  endedMs: number | null;
  isForgiven: boolean;
}

/** A server that ends the connection itself is silent for less. */
const LEAST_SILENCE_MS = 300;
/** How long what a server sent can lie unread before the client. */
const IN_SOCKETS_MS = 2_000;
/** The range with which every mirror is looked at first. */
export const PROBE_RANGE: string = `bytes=0-${PROBE_BYTES - 1}`;

export function createWatch(origins: Pick<WorldOrigins, "all" | "touched">, files: readonly WantedFile[]): Watch {
  const seen = new Map<LoggedRequest, Seen>();
  const silences: number[] = [];
  const content = origins.all.filter(({ isContent }) => isContent).map(({ origin }) => origin);
  const isWeights = (request: LoggedRequest): boolean =>
    request.method === "GET" && request.range !== PROBE_RANGE && files.some((file) => isOf(request, file));
  const requests = (): readonly LoggedRequest[] => content.flatMap((origin) => origin.requests.filter(isWeights));
  const end = (request: LoggedRequest, one: Seen, nowMs: number): void => {
    one.endedMs = nowMs;
    const silentMs = nowMs - one.movedMs;
    const isCut = origins.touched.has(request) && request.bytesSent < askedBytes(request);
    if (isCut && !one.isForgiven && silentMs >= LEAST_SILENCE_MS) silences.push(silentMs);
  };
  const look = (): void => {
    const nowMs = performance.now();
    for (const request of requests()) {
      const one = seen.get(request) ?? { beganMs: nowMs, sent: 0, movedMs: nowMs, endedMs: null, isForgiven: false };
      seen.set(request, one);
      if (one.endedMs !== null) continue;
      if (request.bytesSent > one.sent) {
        one.sent = request.bytesSent;
        one.movedMs = nowMs;
      }
      if (request.isDone) end(request, one, nowMs);
    }
  };
  return {
    look,
    requests,
    sentOf: (file) => sum(requests().filter((request) => isOf(request, file))),
    sentBytes: () => sum(requests()),
    openWithin: (ms) => {
      look();
      const sinceMs = performance.now() - ms;
      return [...seen].flatMap(([request, { endedMs }]) => (endedMs === null || endedMs >= sinceMs ? [request] : []));
    },
    stolen: () => {
      const all = [...seen];
      const isTaken = (victim: LoggedRequest, { beganMs, endedMs }: Seen): boolean =>
        all.some(
          ([thief, other]) =>
            thief !== victim &&
            other.beganMs > beganMs &&
            other.beganMs < (endedMs ?? Infinity) + IN_SOCKETS_MS &&
            isWithin(startOf(thief), victim),
        );
      return new Set(all.flatMap(([request, one]) => (isTaken(request, one) ? [request] : [])));
    },
    forgive: () => {
      for (const one of seen.values()) one.isForgiven = true;
    },
    silences: () => silences,
    pulse: () => content.map((origin) => `${origin.requests.length} ${origin.bytesSent()}`).join(),
  };
}

const isOf = ({ url }: LoggedRequest, { stock, sha256 }: WantedFile): boolean =>
  url.includes(`/${keyOf(stock)}`) || url.includes(sha256);
const sum = (list: readonly LoggedRequest[]): number => list.reduce((total, { bytesSent }) => total + bytesSent, 0);

const startOf = ({ range }: LoggedRequest): number => Number(/^bytes=(\d+)-/.exec(range ?? "")?.[1] ?? 0);
const isWithin = (byte: number, request: LoggedRequest): boolean =>
  startOf(request) < byte && byte < startOf(request) + askedBytes(request);

/** How many bytes `request` asks for; without a range all there are, however many. */
export function askedBytes({ range }: LoggedRequest): number {
  const [, start, last] = /^bytes=(\d+)-(\d+)$/.exec(range ?? "") ?? [];
  return last === undefined ? Infinity : Number(last) + 1 - Number(start);
}
