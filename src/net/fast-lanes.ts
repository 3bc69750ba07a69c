/** The connections of fast lanes: opened when a range needs one, kept for the next range, closed when none comes. */
import type { SecureContext } from "node:tls";
import type { Clock } from "../base/clock.ts";
import type { HttpEndpoint } from "../base/mirror.ts";
import { assertHostAllowed, guardedLookup } from "./address-guard.ts";
import { type FastLane, openFastLane } from "./fast-lane.ts";
import type { RateGate } from "./rate-gate.ts";
import type { Resolve } from "./resolver.ts";

export interface FastLanes {
  /**
   * A lane to the origin of `endpoint`; `isReused` when it carried a range before.
   * @throws ModelsError `MIRROR_LIED` for an address that must not be connected to
   */
  readonly take: (endpoint: HttpEndpoint) => { readonly lane: FastLane; readonly isReused: boolean };
  /** Keeps an idle lane for the next range. */
  readonly give: (endpoint: HttpEndpoint, lane: FastLane) => void;
  /** Closes lanes that nobody took for a while. */
  readonly sweep: () => void;
  /** Connections that are open, idle or not. */
  readonly count: () => number;
}

export interface FastLanesPorts {
  readonly clock: Pick<Clock, "monotonicMs">;
  readonly gate: RateGate;
  readonly secureContext: () => SecureContext;
  readonly resolve: Resolve;
  readonly userAgent: string;
}

interface Kept {
  readonly lane: FastLane;
  readonly sinceMs: number;
}

/** Servers close idle connections after some seconds themselves; a lane costs a megabyte. */
const IDLE_MS = 5_000;
const MOST_SESSIONS = 64;

export function createFastLanes(ports: FastLanesPorts): FastLanes {
  const idle = new Map<string, Kept[]>();
  const sessions = new Map<string, Buffer>();
  let open = 0;

  const remember = (key: string, session: Buffer): void => {
    sessions.delete(key);
    sessions.set(key, session);
    const oldest = sessions.keys().next().value;
    if (sessions.size > MOST_SESSIONS && oldest !== undefined) sessions.delete(oldest);
  };
  const connect = (endpoint: HttpEndpoint): FastLane => {
    const url = new URL(endpoint.url);
    const key = keyOf(endpoint);
    assertHostAllowed(url.hostname, endpoint);
    const lookup = guardedLookup(endpoint, ports.resolve);
    const session = {
      get: () => sessions.get(key),
      set: (ticket: Buffer) => remember(key, ticket),
    };
    const lane = openFastLane(url, {
      ...ports,
      lookup,
      session,
      onClosed: () => {
        open -= 1;
        forget(key, lane);
      },
    });
    open += 1;
    return lane;
  };
  const forget = (key: string, lane: FastLane): void => {
    const left = idle.get(key)?.filter((kept) => kept.lane !== lane) ?? [];
    if (left.length > 0) idle.set(key, left);
    else idle.delete(key);
  };
  return {
    take: (endpoint) => {
      const key = keyOf(endpoint);
      // The lane that was used last: its server is the least likely to have closed it.
      const kept = idle.get(key)?.filter(({ lane }) => lane.isIdle()) ?? [];
      const last = kept.pop();
      idle.set(key, kept);
      return last === undefined ? { lane: connect(endpoint), isReused: false } : { lane: last.lane, isReused: true };
    },
    give: (endpoint, lane) => {
      if (!lane.isIdle()) return;
      const key = keyOf(endpoint);
      idle.set(key, [...(idle.get(key) ?? []), { lane, sinceMs: ports.clock.monotonicMs() }]);
    },
    sweep: () => {
      const nowMs = ports.clock.monotonicMs();
      for (const { lane, sinceMs } of [...idle.values()].flat()) if (nowMs - sinceMs > IDLE_MS) lane.destroy();
    },
    count: () => open,
  };
}

/** What was allowed to reach a private address is not shared with what may not. */
const keyOf = ({ url, mayBePrivate }: HttpEndpoint): string => `${new URL(url).origin} ${mayBePrivate}`;
