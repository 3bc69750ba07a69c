/** Stands in front of a real S3 server: passes everything on, but for what its rules break. Counts what went through. */
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http";
import { type AddressInfo, isIP, type Socket } from "node:net";

/** One request as it came. */
export interface PassedRequest {
  readonly method: string;
  /** Decoded, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage["headers"];
  /** Bytes of the body that came in. */
  receivedBytes: number;
  /** Of the answer that the client got; null when it got none. */
  status: number | null;
}

export type When = (request: PassedRequest) => boolean;

export type ProxyFault =
  /** Answers by itself; the server hears nothing. */
  | {
      readonly kind: "answer";
      readonly status: number;
      readonly headers: Readonly<Record<string, string>>;
      readonly body: string;
    }
  /** Cuts the connection after so many bytes of the body. */
  | { readonly kind: "reset"; readonly afterBytes: number }
  /** The server does what it is asked, and the client never hears of it. */
  | { readonly kind: "lose" }
  /** Changes one byte of the body. */
  | { readonly kind: "damage"; readonly offset: number };

export interface FaultProxy extends AsyncDisposable {
  readonly url: string;
  readonly requests: readonly PassedRequest[];
  /** Adds a rule, spent after `times` uses. */
  readonly add: (when: When, fault: ProxyFault, times?: number) => void;
  /** Bytes of bodies that came in. */
  readonly receivedBytes: () => number;
  /** Bytes per second of all bodies together that are let through, or null. */
  readonly setRate: (bytesPerSecond: number | null) => void;
}

/** What S3 says when it is too busy. */
export const slowDown: ProxyFault = errorAnswer(503, "SlowDown");
export const tooManyRequests = (seconds: number): ProxyFault =>
  errorAnswer(429, "TooManyRequests", { "Retry-After": String(seconds) });

/** An S3 error. */
export function errorAnswer(status: number, code: string, headers: Readonly<Record<string, string>> = {}): ProxyFault {
  const body = `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>on purpose</Message></Error>`;
  return { kind: "answer", status, headers: { "Content-Type": "application/xml", ...headers }, body };
}

export const isPut: When = ({ method }) => method === "PUT";
/** A part of a multipart upload. */
export const isPart: When = ({ method, query }) => method === "PUT" && query.has("partNumber");
/** The end of a multipart upload. */
export const isComplete: When = ({ method, query }) => method === "POST" && query.has("uploadId");

interface Rule {
  readonly when: When;
  readonly fault: ProxyFault;
  left: number;
}

/** Starts a proxy in front of `target`; the client's `Host` is passed on, since it is signed. */
export async function startFaultProxy(target: string): Promise<FaultProxy> {
  const origin = new URL(target);
  const requests: PassedRequest[] = [];
  const rules: Rule[] = [];
  const sockets = new Set<Socket>();
  const pace = createPace();

  const server = createServer((incoming, outgoing) => {
    const url = new URL(incoming.url ?? "/", "http://proxy");
    const { method = "GET", headers } = incoming;
    const asked: PassedRequest = {
      method,
      path: decodeURIComponent(url.pathname),
      query: url.searchParams,
      headers,
      receivedBytes: 0,
      status: null,
    };
    requests.push(asked);
    incoming.on("data", (chunk: Buffer) => {
      asked.receivedBytes += chunk.length;
      const waitMs = pace.spend(chunk.length);
      if (waitMs <= 0) return;
      incoming.pause();
      setTimeout(() => incoming.resume(), waitMs);
    });
    incoming.on("error", () => undefined);
    const rule = rules.find(({ when, left }) => left > 0 && when(asked));
    if (rule !== undefined) rule.left -= 1;
    if (rule?.fault.kind === "answer") answer(rule.fault, { incoming, outgoing, asked });
    else forward(origin, rule?.fault ?? null, { incoming, outgoing, asked });
  });
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.once("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${origin.pathname.replace(/\/$/, "")}`,
    requests,
    add: (when, fault, times = 1) => {
      rules.push({ when, fault, left: times });
    },
    receivedBytes: () => requests.reduce((sum, { receivedBytes }) => sum + receivedBytes, 0),
    setRate: pace.limit,
    [Symbol.asyncDispose]: async () => {
      const ended = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await ended;
    },
  };
}

interface Exchange {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  readonly asked: PassedRequest;
}

function answer(
  { status, headers, body }: Extract<ProxyFault, { kind: "answer" }>,
  { incoming, outgoing, asked }: Exchange,
): void {
  incoming.resume();
  incoming.once("end", () => {
    asked.status = status;
    outgoing.writeHead(status, { ...headers, "Content-Length": Buffer.byteLength(body) }).end(body);
  });
}

function forward(origin: URL, fault: ProxyFault | null, { incoming, outgoing, asked }: Exchange): void {
  const onward = httpRequest(
    {
      host: isIP(origin.hostname) === 0 ? "127.0.0.1" : origin.hostname,
      port: origin.port,
      method: asked.method,
      path: incoming.url ?? "/",
      headers: incoming.headers,
    },
    (reply) => {
      if (fault?.kind === "lose") {
        reply.resume();
        reply.once("end", () => cut(incoming));
        return;
      }
      asked.status = reply.statusCode ?? 502;
      outgoing.writeHead(asked.status, reply.rawHeaders);
      reply.pipe(outgoing);
      reply.on("error", () => outgoing.destroy());
    },
  );
  onward.on("error", () => cut(incoming));
  outgoing.on("close", () => {
    if (!outgoing.writableEnded) onward.destroy();
  });
  let at = 0;
  incoming.on("data", (chunk: Buffer) => {
    if (fault?.kind === "damage" && at <= fault.offset && fault.offset < at + chunk.length) {
      const byte = fault.offset - at;
      chunk[byte] = (chunk[byte] ?? 0) ^ 0xff;
    }
    at += chunk.length;
    if (fault?.kind === "reset" && at >= fault.afterBytes) {
      onward.destroy();
      cut(incoming);
      return;
    }
    onward.write(chunk);
  });
  incoming.once("end", () => onward.end());
}

function cut({ socket }: IncomingMessage): void {
  socket.resetAndDestroy();
}

function createPace(): { readonly limit: (rate: number | null) => void; readonly spend: (bytes: number) => number } {
  let rate: number | null = null;
  let freeAtMs = 0;
  return {
    limit: (bytesPerSecond) => {
      rate = bytesPerSecond;
      freeAtMs = performance.now();
    },
    spend: (bytes) => {
      if (rate === null) return 0;
      freeAtMs = Math.max(freeAtMs, performance.now()) + (bytes / rate) * 1000;
      return freeAtMs - performance.now();
    },
  };
}
