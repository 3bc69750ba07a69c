/**
 * The fast lane: HTTP/1.1 ranges on a bare socket that reads into memory of ours.
 * Every stream, event and allocation between the socket and the file costs more than the copy itself (measured).
 */
import { connect as connectTcp, type LookupFunction, type Socket } from "node:net";
import { connect as connectTls, type SecureContext } from "node:tls";
import type { HttpEndpoint } from "../base/mirror.ts";
import { judgeRangeAnswer } from "./range-answer.ts";
import { failureOf, type RangeSink } from "./range-sink.ts";
import { headEnd, MAX_HEAD_BYTES, parseResponseHead } from "./response-head.ts";
import { createSlab, type Slab } from "./slab.ts";

/** One connection to one origin. Reads one range after the other, never two at once. */
export interface FastLane {
  readonly origin: string;
  readonly slab: Slab;
  readonly isIdle: () => boolean;
  readonly isUsable: () => boolean;
  /** Asks for the range of `sink` at `endpoint`, which must be of this lane's origin. */
  readonly start: (endpoint: HttpEndpoint, sink: RangeSink) => void;
  /** Ends the connection; the range under way, if any, keeps what it has. */
  readonly destroy: () => void;
  readonly pause: () => void;
  readonly resume: () => void;
}

export interface FastLaneOptions {
  readonly lookup: LookupFunction;
  readonly secureContext: () => SecureContext;
  readonly session: { get: (origin: string) => Buffer | undefined; set: (origin: string, session: Buffer) => void };
  readonly userAgent: string;
  readonly onReceived: (bytes: number) => void;
}

const MAX_INTERIM_ANSWERS = 8;
const KEEP_ALIVE_MS = 15_000;

/** What the bytes that come in belong to. */
type Phase = "idle" | "head" | "body" | "dead";

/** Opens a connection to the origin of `url`; errors reach the range under way. */
export function openFastLane(url: URL, options: FastLaneOptions): FastLane {
  const slab = createSlab();
  let phase: Phase = "idle";
  let sink: RangeSink | null = null;
  let validator: string | null = null;
  let isKeptAlive = true;
  let interimAnswers = 0;

  const end = (run: (sink: RangeSink) => void): void => {
    const ended = sink;
    sink = null;
    if (ended !== null) run(ended);
  };
  const breakOff = (error: unknown): void => {
    if (phase === "dead") return;
    phase = "dead";
    socket.destroy();
    end((ended) => ended.fail(failureOf(error)));
  };
  const finishRange = (): void => {
    const surplus = slab.held().length;
    slab.clear();
    const isReusable = isKeptAlive && surplus === 0 && sink?.end() === sink?.read.end;
    phase = isReusable ? "idle" : "dead";
    if (!isReusable) socket.destroy();
    end((ended) => ended.finish());
  };
  const readBody = (count: number): void => {
    if (sink !== null && !sink.accept(count)) finishRange();
  };
  const refuse = (failure: Parameters<RangeSink["fail"]>[0]): void => {
    phase = "dead";
    socket.destroy();
    end((ended) => ended.fail(failure));
  };
  const readHead = (): void => {
    const length = headEnd(slab.held());
    if (length < 0 || length > MAX_HEAD_BYTES) {
      if (slab.held().length >= MAX_HEAD_BYTES) refuse({ kind: "lied", message: "its response head is too long" });
      return;
    }
    const head = parseResponseHead(slab.held().subarray(0, length));
    slab.drop(length);
    if (typeof head === "string") return refuse({ kind: "lied", message: head });
    if (head.status < 200) {
      interimAnswers += 1;
      if (interimAnswers > MAX_INTERIM_ANSWERS) return refuse({ kind: "lied", message: "it floods interim answers" });
      return readHead();
    }
    if (sink === null) return;
    const { start, end: last, size } = sink.read;
    const asked = { start, end: last, size, validator, hasRanges: true };
    const verdict = judgeRangeAnswer(head.status, (name) => head.fields.get(name), asked);
    if (verdict.kind !== "body") return refuse(verdict);
    if (!verdict.isFramed) return refuse({ kind: "unusual", message: "its answer has no Content-Length" });
    isKeptAlive = head.isKeptAlive;
    phase = "body";
    if (slab.held().length > 0) readBody(slab.held().length);
  };
  const onBytes = (count: number): void => {
    options.onReceived(count);
    if (phase !== "head" && phase !== "body") return breakOff(new Error("it sent bytes that nobody asked for"));
    slab.grow(count);
    try {
      if (phase === "head") readHead();
      else readBody(count);
    } catch (error) {
      breakOff(error);
    }
  };

  const onread = {
    buffer: () => slab.room(),
    callback: (count: number) => {
      onBytes(count);
      return phase !== "dead";
    },
  };
  const socket = connectSocket(url, onread, options);
  socket.setNoDelay(true);
  socket.setKeepAlive(true, KEEP_ALIVE_MS);
  socket.on("error", breakOff);
  socket.on("close", () => breakOff(new Error("it closed the connection early")));
  socket.on("end", () => breakOff(new Error("it closed the connection early")));

  return {
    origin: url.origin,
    slab,
    isIdle: () => phase === "idle" && sink === null,
    isUsable: () => phase !== "dead" && !socket.destroyed,
    start: (endpoint, next) => {
      sink = next;
      validator = endpoint.validator;
      phase = "head";
      interimAnswers = 0;
      socket.write(requestHead(endpoint, next, options.userAgent), "latin1");
    },
    destroy: () => {
      phase = "dead";
      sink = null;
      socket.destroy();
    },
    pause: () => {
      socket.pause();
    },
    resume: () => {
      socket.resume();
    },
  };
}

interface OnRead {
  readonly buffer: () => Buffer;
  readonly callback: (count: number) => boolean;
}

function connectSocket(url: URL, onread: OnRead, options: FastLaneOptions): Socket {
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const isTls = url.protocol === "https:";
  const port = url.port === "" ? (isTls ? 443 : 80) : Number(url.port);
  // `lookup` is asked for names only; literal addresses were judged when the endpoint was made.
  const address = { host, port, lookup: options.lookup, onread };
  if (!isTls) return connectTcp(address);
  const session = options.session.get(url.origin);
  const socket = connectTls({
    ...address,
    ...(session === undefined ? {} : { session }),
    ...(/^[\d.]+$|:/.test(host) ? {} : { servername: host }),
    secureContext: options.secureContext(),
    ALPNProtocols: ["http/1.1"],
  });
  socket.on("session", (ticket) => options.session.set(url.origin, ticket));
  return socket;
}

function requestHead(endpoint: HttpEndpoint, sink: RangeSink, userAgent: string): string {
  const url = new URL(endpoint.url);
  const { start, end } = sink.read;
  const lines = [
    `GET ${url.pathname}${url.search} HTTP/1.1`,
    `Host: ${url.host}`,
    `User-Agent: ${userAgent}`,
    "Accept: */*",
    "Accept-Encoding: identity",
    `Range: bytes=${start}-${end - 1}`,
    ...rangeCondition(endpoint),
    ...Object.entries(endpoint.headers).map(([name, value]) => `${name}: ${value}`),
  ];
  return `${lines.join("\r\n")}\r\n\r\n`;
}

/** `If-Match` with a strong validator: S3 and R2 honour it, and ignore `If-Range`; a weak one can only be compared. */
export function rangeCondition(endpoint: HttpEndpoint): readonly string[] {
  return endpoint.validator?.startsWith('"') ? [`If-Match: ${endpoint.validator}`] : [];
}
