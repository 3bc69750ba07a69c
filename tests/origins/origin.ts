/** A server on loopback that answers with replies, logs what it was asked, and can be shaped, broken, killed and revived. */
import {
  createServer as createHttpServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { systemClock } from "../../src/base/clock.ts";
import type { Authority } from "./certificate.ts";
import { createFaultList, type FaultList, type Predicate } from "./faults.ts";
import { type Asked, type Reply, replyWith } from "./reply.ts";
import { sendReply } from "./send.ts";
import { createShaper, type Shape } from "./shaping.ts";

export interface OriginOptions {
  /** An address of 127.0.0.0/8. @default "127.0.0.1" */
  readonly host?: string;
  /** Serve TLS with a certificate of this authority. @default plain HTTP */
  readonly tls?: Authority;
  /** The name in `url`, such as `localhost`; it must lead to `host`. @default host */
  readonly name?: string;
  readonly shape?: Shape;
}

/** One request, filled in while it is answered. */
export interface LoggedRequest {
  readonly number: number;
  /** Wall time in milliseconds. */
  readonly time: number;
  readonly method: string;
  readonly url: string;
  /** As received, with any authorization, so that a leak can be proven. */
  readonly headers: IncomingHttpHeaders;
  readonly range: string | null;
  readonly socketId: number;
  /** 0 until the head is sent. */
  readonly status: number;
  /** Body bytes that the kernel took. */
  readonly bytesSent: number;
  readonly isDone: boolean;
}

type OpenLog = { -readonly [Key in keyof LoggedRequest]: LoggedRequest[Key] };

/** An origin that runs. */
export interface Origin extends AsyncDisposable {
  /** Such as `http://127.0.0.1:40123`, no slash at the end. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly requests: readonly LoggedRequest[];
  readonly faults: FaultList;
  /** Calls `run` when a request comes that matches, and waits for it before the answer is made; each time it matches. */
  readonly before: (when: Predicate, run: () => unknown) => void;
  /** Connections that are open now. */
  readonly openSockets: () => number;
  /** Connections that were ever accepted. */
  readonly acceptedSockets: () => number;
  /** Body bytes of all answers. */
  readonly bytesSent: () => number;
  readonly setShape: (shape: Shape) => void;
  /** Stops listening and resets every connection. */
  readonly die: () => Promise<void>;
  /** Listens again, on the same port. */
  readonly revive: () => Promise<void>;
  /** Ends at once, whatever is open. */
  readonly close: () => Promise<void>;
}

export type Handler = (asked: Asked) => Reply | Promise<Reply>;

const MAX_BODY = 1024 * 1024;

/** Starts an origin on a free port. */
export async function startOrigin(answer: Handler, options: OriginOptions = {}): Promise<Origin> {
  const host = options.host ?? "127.0.0.1";
  const requests: OpenLog[] = [];
  const faults = createFaultList();
  const hooks: { readonly when: Predicate; readonly run: () => unknown }[] = [];
  const wires = createWires();
  let shaper = createShaper(options.shape ?? {});

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const log = logOf(request, requests.length + 1, wires.idOf(request.socket));
    requests.push(log);
    response.on("error", () => undefined);
    response.on("close", () => {
      log.isDone = true;
    });
    const asked = await readRequest(request, log);
    for (const { when, run } of hooks) if (when(asked)) await run();
    const reply = faults.apply(await answer(asked), asked);
    log.status = reply.status;
    await sendReply(reply, {
      response,
      socket: request.socket,
      shaper,
      isHead: request.method === "HEAD",
      onSent: (bytes) => {
        log.bytesSent += bytes;
      },
      reset: () => wires.reset(request.socket),
      drop: () => wires.drop(request.socket),
      die: (reviveAfterMs) => {
        void die().then(async () => {
          if (reviveAfterMs === null) return;
          await systemClock.sleep(reviveAfterMs);
          await revive();
        });
      },
    });
  };
  const listen = (request: IncomingMessage, response: ServerResponse): void => {
    serve(request, response).catch((error: unknown) => {
      if (response.headersSent) wires.reset(request.socket);
      else response.writeHead(500, { "Content-Type": "text/plain" }).end(`origin failed: ${String(error)}`);
    });
  };

  const server = await makeServer(options.tls, [host, options.name ?? "localhost", "localhost"]);
  server.on("request", listen);
  server.on("connection", wires.add);
  server.on("clientError", (_error, socket) => socket.destroy());
  server.on("tlsClientError", () => undefined);
  await bind(server, host, 0);
  const { port } = server.address() as AddressInfo;

  let isClosed = false;
  const die = async (): Promise<void> => {
    if (!server.listening) return;
    const ended = new Promise<void>((resolve) => server.close(() => resolve()));
    wires.resetAll();
    await ended;
  };
  const revive = async (): Promise<void> => {
    if (!isClosed && !server.listening) await bind(server, host, port);
  };
  const close = async (): Promise<void> => {
    isClosed = true;
    shaper.stop();
    await die();
  };
  return {
    url: `${options.tls === undefined ? "http" : "https"}://${options.name ?? host}:${port}`,
    host,
    port,
    requests,
    faults,
    before: (when, run) => {
      hooks.push({ when, run });
    },
    openSockets: wires.count,
    acceptedSockets: wires.accepted,
    bytesSent: () => requests.reduce((sum, { bytesSent }) => sum + bytesSent, 0),
    setShape: (shape) => {
      const old = shaper;
      shaper = createShaper(shape);
      old.stop();
    },
    die,
    revive,
    close,
    [Symbol.asyncDispose]: close,
  };
}

async function makeServer(authority: Authority | undefined, hosts: readonly string[]): Promise<Server> {
  const limits = { maxHeaderSize: 64 * 1024, requestTimeout: 0, keepAliveTimeout: 60_000 };
  if (authority === undefined) return createHttpServer(limits);
  return createHttpsServer({ ...limits, ...(await authority.certify([...new Set(hosts)])) });
}

function bind(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, 1024, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

function logOf(request: IncomingMessage, number: number, socketId: number): OpenLog {
  return {
    number,
    time: systemClock.now(),
    method: request.method ?? "GET",
    url: request.url ?? "/",
    headers: request.headers,
    range: request.headers.range ?? null,
    socketId,
    status: 0,
    bytesSent: 0,
    isDone: false,
  };
}

async function readRequest(request: IncomingMessage, log: LoggedRequest): Promise<Asked> {
  const steps: Buffer[] = [];
  let size = 0;
  for await (const step of request as AsyncIterable<Buffer>) {
    size += step.length;
    if (size <= MAX_BODY) steps.push(step);
  }
  const url = new URL(log.url.replace(/^\/+/, "/"), "http://origin");
  return {
    number: log.number,
    method: log.method,
    url: log.url,
    path: decoded(url.pathname),
    query: url.searchParams,
    headers: log.headers,
    body: Buffer.concat(steps),
    socketId: log.socketId,
  };
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/** The raw connections below any TLS, numbered, so that they can be reset. */
interface Wires {
  readonly add: (socket: Socket) => void;
  readonly idOf: (socket: Socket) => number;
  readonly reset: (socket: Socket) => void;
  readonly drop: (socket: Socket) => void;
  readonly resetAll: () => void;
  readonly count: () => number;
  readonly accepted: () => number;
}

function createWires(): Wires {
  const open = new Map<string, { readonly id: number; readonly socket: Socket }>();
  let accepted = 0;
  // A TLS socket and the one below it have the same far end, which is how one is found from the other.
  const keyOf = (socket: Socket): string => `${socket.remoteAddress}:${socket.remotePort}`;
  return {
    add: (socket) => {
      accepted += 1;
      const key = keyOf(socket);
      open.set(key, { id: accepted, socket });
      socket.on("error", () => undefined);
      socket.once("close", () => open.delete(key));
    },
    idOf: (socket) => open.get(keyOf(socket))?.id ?? 0,
    reset: (socket) => resetSocket(open.get(keyOf(socket))?.socket ?? socket),
    drop: (socket) => {
      (open.get(keyOf(socket))?.socket ?? socket).destroy();
    },
    resetAll: () => {
      for (const { socket } of [...open.values()]) resetSocket(socket);
    },
    count: () => open.size,
    accepted: () => accepted,
  };
}

function resetSocket(socket: Socket): void {
  try {
    socket.resetAndDestroy();
  } catch {
    socket.destroy();
  }
}

/** What an origin says where it has nothing. */
export function notFound(text: string = "Not Found"): Reply {
  return replyWith(404, { "Content-Type": "text/plain; charset=utf-8" }, text);
}
