/** The proxy: tunnels and plain requests pass, are written down, and may need a password. */
import { request } from "node:http";
import { request as requestTls } from "node:https";
import { describe, expect, it } from "vitest";
import { createAuthority, createNoise, startProxy, startRangeServer } from "./index.ts";

const bytes = createNoise("proxy")(0, 200_000);

function plainThrough(
  proxy: string,
  url: string,
  headers: Record<string, string> = {},
): Promise<readonly [number, number]> {
  const { hostname, port } = new URL(proxy);
  const host = new URL(url).host;
  return new Promise((resolve, reject) => {
    request({ hostname, port, path: url, headers: { host, ...headers }, agent: false }, (answer) => {
      let got = 0;
      answer.on("data", (step: Buffer) => {
        got += step.length;
      });
      answer.on("end", () => resolve([answer.statusCode ?? 0, got]));
    })
      .on("error", reject)
      .end();
  });
}

function tunnelThrough(proxy: string, url: string, ca: string): Promise<number> {
  const { hostname, port } = new URL(proxy);
  const { host } = new URL(url);
  return new Promise((resolve, reject) => {
    request({ hostname, port, method: "CONNECT", path: host, agent: false })
      .on("connect", (answer, socket) => {
        if (answer.statusCode !== 200) return resolve(-(answer.statusCode ?? 0));
        requestTls(url, { ca, agent: false, createConnection: undefined, socket } as object, (inner) => {
          let got = 0;
          inner.on("data", (step: Buffer) => {
            got += step.length;
          });
          inner.on("end", () => resolve(got));
        })
          .on("error", reject)
          .end();
      })
      .on("error", reject)
      .end();
  });
}

describe("startProxy()", () => {
  it("passes absolute-form requests on, without the proxy's own credential", async () => {
    await using server = await startRangeServer({ "/x": bytes });
    await using proxy = await startProxy({ credential: "u:p" });
    const credential = { "proxy-authorization": `Basic ${Buffer.from("u:p").toString("base64")}` };
    expect(await plainThrough(proxy.url, `${server.url}/x`)).toEqual([407, 0]);
    expect(await plainThrough(proxy.url, `${server.url}/x`, credential)).toEqual([200, bytes.length]);
    expect(proxy.requests.map(({ status, target }) => [status, target])).toEqual([
      [407, `${server.url}/x`],
      [200, `${server.url}/x`],
    ]);
    expect(server.requests[0]?.headers["proxy-authorization"]).toBeUndefined();
  });

  it("tunnels TLS", async () => {
    const authority = await createAuthority();
    await using server = await startRangeServer({ "/x": bytes }, { tls: authority });
    await using proxy = await startProxy();
    expect(await tunnelThrough(proxy.url, `${server.url}/x`, authority.ca)).toBe(bytes.length);
    expect(proxy.requests).toMatchObject([{ method: "CONNECT", target: `127.0.0.1:${server.port}`, status: 200 }]);
  });

  it("says 502 where nobody listens, and 407 to a tunnel without the password", async () => {
    await using proxy = await startProxy();
    await using strict = await startProxy({ credential: "u:p" });
    const server = await startRangeServer();
    await server.close();
    expect(await tunnelThrough(proxy.url, `${server.url}/x`, "")).toBe(-502);
    expect(await plainThrough(proxy.url, `${server.url}/x`)).toEqual([502, 0]);
    expect(await tunnelThrough(strict.url, `${server.url}/x`, "")).toBe(-407);
  });
});
