/** What goes wrong on real sockets, in words: on the control plane and on both lanes. */
import { openSync } from "node:fs";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { createHttp } from "../../src/net/http.ts";
import { createLanePool, type LanePool } from "../../src/net/lane-pool.ts";
import { isCertificateError, networkReason } from "../../src/net/network-reason.ts";
import { createAuthority, type RangeServer, startRangeServer } from "../origins/index.ts";

const NO_PROXY = { http: null, https: null, none: null };
const HEAD = "HTTP/1.1 206 Partial Content\r\nContent-Length: 1000\r\nContent-Range: bytes 0-999/1000\r\n\r\n";
const RAW =
  /Timeout Error|EPROTO .*:|SSL routines|Tunneling|other side closed|hang up|getaddrinfo|connect E|read E|write E/;
const quick = { ...systemClock, sleep: async () => undefined };
let pool: LanePool;
const open: Server[] = [];

beforeAll(() => {
  const workers = { plain: 1, encrypted: 1 };
  pool = createLanePool({ extraCa: null, proxy: NO_PROXY, userAgent: "modelferry/test", workers });
});
afterAll(async () => {
  await pool.close();
  for (const server of open) server.close();
});

/** A server that does `what` with each connection as soon as something is asked; gives its port. */
async function rawServer(what: (socket: Socket) => void): Promise<number> {
  const server = createServer((socket) => socket.on("error", () => undefined).once("data", () => what(socket)));
  open.push(server);
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  return (server.address() as AddressInfo).port;
}

async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address() as AddressInfo;
  await new Promise<unknown>((closed) => server.close(closed));
  return port;
}

async function asked(url: string, proxy: string | null = null): Promise<string> {
  const settings = {
    caFile: null,
    proxy: { ...NO_PROXY, https: proxy === null ? null : { name: "HTTPS_PROXY", value: proxy } },
    userAgent: "modelferry/test",
  };
  const http = createHttp({ ...settings, idleTimeoutMs: 300 }, { clock: quick, report: () => undefined });
  const error = await http.request({ url, deadlineMs: 20_000 }).then(
    () => new Error("it answered"),
    (thrown: unknown) => thrown as Error,
  );
  await http.close();
  return error.message;
}

function fetched(url: string, isGeneral: boolean): Promise<string> {
  const endpoint = { kind: "http", url, headers: {}, validator: null, mayBePrivate: true, hasRanges: true } as const;
  const read = { endpoint, file: openSync("/dev/null", "w"), start: 0, end: 1000, size: 1000, isGeneral };
  return new Promise((resolve) => {
    const onEnd: Parameters<LanePool["start"]>[1]["onEnd"] = (end) =>
      resolve(end.kind === "failed" ? end.failure.message : end.kind);
    pool.start(read, { onEnd, onShrunk: () => undefined });
  });
}

describe("networkReason() of what happens on real sockets, everywhere", () => {
  let secure: RangeServer;
  beforeAll(async () => {
    secure = await startRangeServer({ "/x": Buffer.alloc(1000) }, { tls: await createAuthority() });
  });
  afterAll(() => secure.close());

  it.each<readonly [string, () => Promise<string>, RegExp]>([
    [
      "nobody listens",
      async () => `http://127.0.0.1:${await closedPort()}/x`,
      /nobody listens there \(ECONNREFUSED\)$/,
    ],
    [
      "no such name",
      async () => "https://no-such-host.invalid/x",
      /no name server knows its name \(ENOTFOUND\)$|the name server does not answer \(EAI_AGAIN\)$/,
    ],
    [
      "no TLS where it is wanted",
      async () => `https://127.0.0.1:${await rawServer((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"))}/x`,
      /it does not speak TLS there \((EPROTO|ERR_SSL_\w+)\)$/,
    ],
    [
      "a reset",
      async () => `http://127.0.0.1:${await rawServer((socket) => socket.resetAndDestroy())}/x`,
      /it broke the connection off \(ECONNRESET\)$/,
    ],
    [
      "a close before the answer",
      async () => `http://127.0.0.1:${await rawServer((socket) => socket.end())}/x`,
      /it closed the connection early( \(UND_ERR_SOCKET\))?$/,
    ],
    [
      "a close in the middle",
      async () => `http://127.0.0.1:${await rawServer((socket) => socket.end(`${HEAD}x`))}/x`,
      /it closed the connection early( \(UND_ERR_SOCKET\))?$/,
    ],
    ["an unknown authority", async () => `${secure.url}/x`, /its certificate is not trusted \([A-Z_]+\)$/],
  ])("%s", async (_, address, words) => {
    const url = await address();
    const said = [await asked(url), await fetched(url, true), await fetched(url, false)];
    for (const text of said) {
      expect(text).toMatch(words);
      expect(text).not.toMatch(RAW);
    }
  });
});

describe("networkReason() of what happens on the control plane", () => {
  it("tells a server that does not answer from one that stops in the middle", async () => {
    const [mute, torn] = [await rawServer(() => undefined), await rawServer((socket) => socket.write(`${HEAD}x`))];
    expect(await asked(`http://127.0.0.1:${mute}/x`)).toMatch(
      /it took the question and did not answer in time \(UND_ERR_HEADERS_TIMEOUT\)$/,
    );
    expect(await asked(`http://127.0.0.1:${torn}/x`)).toMatch(
      /it fell silent in the middle of its answer \(UND_ERR_BODY_TIMEOUT\)$/,
    );
  });

  it("tells what a proxy answers, and a proxy that nobody reaches", async () => {
    const bad = await rawServer((socket) => socket.end("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"));
    expect(await asked("https://h.invalid/x", `http://127.0.0.1:${bad}`)).toMatch(
      /: the proxy 127\.0\.0\.1:\d+ answers 502$/,
    );
    const gone = await closedPort();
    expect(await asked("https://h.invalid/x", `http://127.0.0.1:${gone}`)).toMatch(
      new RegExp(`the proxy 127\\.0\\.0\\.1:${gone} cannot be reached: nobody listens there \\(ECONNREFUSED\\)$`),
    );
  });
});

describe("networkReason()", () => {
  const thrown = (message: string, more: object = {}): Error => Object.assign(new Error(message), more);

  it.each<readonly [string, unknown, string]>([
    [
      "of OpenSSL's lines keeps the reason",
      thrown(
        "write EPROTO 40C7:error:0A000410:SSL routines:ssl3_read_bytes:sslv3 alert handshake failure:../a.c:1:\n",
        {
          code: "EPROTO",
        },
      ),
      "TLS failed, sslv3 alert handshake failure (EPROTO)",
    ],
    [
      "takes the first of several addresses",
      new AggregateError([thrown("connect ENETUNREACH ::1", { code: "ENETUNREACH" })]),
      "no way leads to its network (ENETUNREACH)",
    ],
    [
      "of what does not parse",
      thrown("Response does not match the HTTP/1.1 protocol", { code: "HPE_INVALID_CONSTANT" }),
      "its answer is not HTTP as it should be (HPE_INVALID_CONSTANT)",
    ],
    [
      "of an answer that nobody asked for",
      thrown("bad response", { code: "UND_ERR_SOCKET" }),
      "its answer is none to what it was asked (UND_ERR_SOCKET)",
    ],
    ["leaves unknown words as they are, with the code", thrown("gone", { code: "EODD" }), "gone (EODD)"],
    ["names a code once", thrown("EODD: gone", { code: "EODD" }), "EODD: gone"],
    ["leaves what has no code", thrown("it sent bytes that nobody asked for"), "it sent bytes that nobody asked for"],
    ["takes anything", "gone", "gone"],
  ])("%s", (_, error, words) => {
    expect(networkReason(error)).toBe(words);
  });

  it("knows certificates", () => {
    expect(isCertificateError(thrown("", { code: "DEPTH_ZERO_SELF_SIGNED_CERT" }))).toBe(true);
    expect(isCertificateError(thrown("", { code: "ECONNRESET" }))).toBe(false);
  });
});
