/** A client that hides nothing: every status line, header and body byte as it came, and how the connection ended. */
import { connect } from "node:net";
import { systemClock } from "../../src/base/clock.ts";

export interface RawAnswer {
  /** Everything up to the first empty line. */
  readonly head: string;
  /** Everything after it. */
  readonly body: Buffer;
  readonly end: "closed" | "reset" | "waiting";
}

export interface RawRequest {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Leave when nothing has come for so long. @default 300 */
  readonly patienceMs?: number;
  /** Leave after so long, whatever comes. @default Infinity */
  readonly limitMs?: number;
}

/** Sends one request on a connection of its own and reads until it ends or falls silent. */
export function rawRequest(url: string, request: RawRequest = {}): Promise<RawAnswer> {
  const { hostname, port, pathname, search, host } = new URL(url);
  const lines = Object.entries({ Host: host, ...request.headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  return new Promise((resolve) => {
    const steps: Buffer[] = [];
    const begunAt = systemClock.monotonicMs();
    let heardAt = begunAt;
    const socket = connect(Number(port), hostname, () => {
      socket.write(`${request.method ?? "GET"} ${pathname}${search} HTTP/1.1\r\n${lines.join("")}\r\n`);
    });
    const leave = (end: RawAnswer["end"]): void => {
      stopWatching();
      socket.destroy();
      const whole = Buffer.concat(steps);
      const cut = whole.indexOf("\r\n\r\n");
      const head = (cut < 0 ? whole : whole.subarray(0, cut)).toString("latin1");
      resolve({ head, body: cut < 0 ? Buffer.alloc(0) : whole.subarray(cut + 4), end });
    };
    const stopWatching = systemClock.every(20, () => {
      const now = systemClock.monotonicMs();
      const isSilent = now - heardAt > (request.patienceMs ?? 300);
      if (isSilent || now - begunAt > (request.limitMs ?? Infinity)) leave("waiting");
    });
    socket.on("data", (step) => {
      heardAt = systemClock.monotonicMs();
      steps.push(step);
    });
    socket.on("error", () => leave("reset"));
    socket.on("end", () => leave("closed"));
  });
}
