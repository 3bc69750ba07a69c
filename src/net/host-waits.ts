/** The pauses that hosts ask for: one for each host, obeyed by everyone who speaks to it. */
import { formatDuration } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { ModelsError } from "../base/errors.ts";
import type { Report } from "../base/events.ts";

/** Longest pause that is waited for; whoever asks for more is not a mirror for this run. */
const MAX_WAIT_MS = 600_000;

/** Shortest pause worth an event. */
const TOLD_MS = 2_000;
/** Those who waited together, in this process and in a thousand others, do not come back in the same moment. */
const spreadMs = (waitMs: number): number => Math.min(waitMs, Math.max(400, Math.min(5_000, waitMs / 10)));

export interface HostWaits {
  /** Resolves when nobody has asked for a pause at `host` any more. */
  readonly ready: (host: string, signal: AbortSignal) => Promise<void>;
  /**
   * `host` asked for a pause of `waitMs`.
   * @throws ModelsError `MIRROR_RATE_LIMITED` when that is longer than 10 minutes
   */
  readonly pause: (host: string, waitMs: number) => void;
}

export function createHostWaits(ports: { readonly clock: Clock; readonly report: Report }): HostWaits {
  const { clock, report } = ports;
  const until = new Map<string, number>();
  const remaining = (host: string): number => (until.get(host) ?? 0) - clock.monotonicMs();
  return {
    ready: async (host, signal) => {
      for (let left = remaining(host); left > 0; left = remaining(host)) {
        await clock.sleep(left + clock.random() * spreadMs(left), signal);
      }
    },
    pause: (host, waitMs) => {
      refuseLongPause(host, waitMs);
      const isNews = waitMs >= TOLD_MS && waitMs - Math.max(0, remaining(host)) >= TOLD_MS;
      if (waitMs > remaining(host)) until.set(host, clock.monotonicMs() + waitMs);
      if (!isNews) return;
      const message = `${host} limits requests and asks for a pause of ${formatDuration(waitMs)}`;
      report({ kind: "waiting", model: null, on: "rate-limit", message, untilMs: clock.now() + waitMs });
    },
  };
}

/** @throws ModelsError `MIRROR_RATE_LIMITED` when `host` asks for more than 10 minutes */
export function refuseLongPause(host: string, waitMs: number): void {
  if (waitMs <= MAX_WAIT_MS) return;
  const seen = `it asks for a pause of ${formatDuration(waitMs)}`;
  throw new ModelsError(
    "MIRROR_RATE_LIMITED",
    `Cannot go on with "${host}": ${seen}, expected at most ${formatDuration(MAX_WAIT_MS)}`,
    { fix: "try again later, add a token for this host (its limits are usually higher), or add another mirror" },
  );
}
