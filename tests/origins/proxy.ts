/** A forward proxy: CONNECT tunnels and absolute-form requests, with a log and optional basic authorization. */
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { systemClock } from "../../src/base/clock.ts";

export interface ProxyOptions {
  /** @default "127.0.0.1" */
  readonly host?: string;
  /** `user:password` that clients must send. @default open to all */
  readonly credential?: string;
  /** What it says to every tunnel instead of opening it, as squid does to ports other than 443. @default opens them */
  readonly tunnelStatus?: number;
}

interface ProxiedRequest {
  readonly time: number;
  readonly method: string;
  /** `host:port` of a tunnel, or the whole URL. */
  readonly target: string;
  readonly authorization: string | null;
  readonly status: number;
}

export interface Proxy extends AsyncDisposable {
  readonly url: string;
  readonly requests: readonly ProxiedRequest[];
  readonly close: () => Promise<void>;
}

/** Starts a proxy on a free port. */
export async function startProxy(options: ProxyOptions = {}): Promise<Proxy> {
  const requests: ProxiedRequest[] = [];
  const sockets = new Set<Duplex>();
  const wanted =
    options.credential === undefined ? null : `Basic ${Buffer.from(options.credential).toString("base64")}`;
  const keep = (socket: Duplex): void => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.once("close", () => sockets.delete(socket));
  };
  const admit = (request: IncomingMessage): number => {
    const authorization = request.headers["proxy-authorization"] ?? null;
    const isAdmitted = wanted === null || authorization === wanted;
    const isRefused = request.method === "CONNECT" && options.tunnelStatus !== undefined;
    const admitted = isRefused ? (options.tunnelStatus ?? 403) : 200;
    requests.push({
      time: systemClock.now(),
      method: request.method ?? "GET",
      target: request.url ?? "",
      authorization,
      status: isAdmitted ? admitted : 407,
    });
    return isAdmitted ? admitted : 407;
  };

  const server = createServer((request, response) => {
    if (admit(request) === 200) forward(request, response);
    else response.writeHead(407, { "Proxy-Authenticate": 'Basic realm="proxy"' }).end();
  });
  server.on("connection", keep);
  server.on("connect", (request: IncomingMessage, client: Duplex, head: Buffer) => {
    const status = admit(request);
    if (status === 200) return keep(tunnel(request.url ?? "", client, head));
    const challenge = status === 407 ? 'Proxy-Authenticate: Basic realm="proxy"\r\n' : "";
    client.end(`HTTP/1.1 ${status} Refused\r\n${challenge}Content-Length: 0\r\n\r\n`);
  });
  const host = options.host ?? "127.0.0.1";
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const close = async (): Promise<void> => {
    const ended = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of sockets) socket.destroy();
    await ended;
  };
  return {
    url: `http://${host}:${(server.address() as AddressInfo).port}`,
    requests,
    close,
    [Symbol.asyncDispose]: close,
  };
}

function tunnel(target: string, client: Duplex, head: Buffer): Socket {
  const { hostname, port } = new URL(`http://${target}`);
  let isOpen = false;
  const far = connect(Number(port || 80), hostname.replace(/^\[|\]$/g, ""), () => {
    isOpen = true;
    client.write("HTTP/1.1 200 Connection Established\r\n\r\n");
    if (head.length > 0) far.write(head);
    far.pipe(client);
    client.pipe(far);
  });
  far.on("error", () => {
    if (isOpen) client.destroy();
    else client.end("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n");
  });
  far.on("close", () => client.destroy());
  client.on("close", () => far.destroy());
  return far;
}

function forward(request: IncomingMessage, response: ServerResponse): void {
  if (!URL.canParse(request.url ?? "")) {
    response.writeHead(400).end();
    return;
  }
  const { "proxy-authorization": _own, "proxy-connection": _hop, ...headers } = request.headers;
  const onward = httpRequest(request.url ?? "", { method: request.method ?? "GET", headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
    answer.pipe(response);
    answer.on("error", () => response.destroy());
  });
  onward.on("error", () => {
    if (response.headersSent) response.destroy();
    else response.writeHead(502).end();
  });
  response.on("close", () => onward.destroy());
  request.pipe(onward);
}
