/** A load balancer before origins, which deals what comes to them in turn: connection by connection, or request by request. */
import { createServer as createHttpServer, request } from "node:http";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

export interface Balancer extends AsyncDisposable {
  readonly url: string;
}

type Backend = { readonly host: string; readonly port: number };

/** Starts a balancer on a free port. `by` connection it looks into nothing, by request it speaks HTTP. */
export async function startBalancer(backends: readonly Backend[], by: "connection" | "request"): Promise<Balancer> {
  const sockets = new Set<Socket>();
  let dealt = 0;
  const next = (): Backend => backends[dealt++ % backends.length] as Backend;
  const server = by === "connection" ? connectionServer(next, sockets) : requestServer(next);
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy()).on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<unknown>((closed) => server.close(closed));
    },
  };
}

function connectionServer(next: () => Backend, sockets: Set<Socket>): Server {
  return createServer((client) => {
    const backend = connect(next());
    sockets.add(backend);
    backend.on("error", () => client.destroy()).on("close", () => sockets.delete(backend));
    client.on("close", () => backend.destroy());
    client.pipe(backend).pipe(client);
  });
}

function requestServer(next: () => Backend): Server {
  return createHttpServer((asked, response) => {
    const { method, url, headers } = asked;
    const forwarded = request({ ...next(), method, path: url, headers, agent: false }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.on("error", () => response.destroy()).pipe(response);
    });
    forwarded.on("error", () => response.destroy());
    response.on("close", () => forwarded.destroy());
    asked.pipe(forwarded);
  });
}
