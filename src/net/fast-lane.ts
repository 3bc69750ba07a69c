/**
 * The fast lane: HTTP/1.1 ranges on a bare socket that reads into memory of ours.
 * Every stream, event and allocation between the socket and the file costs more than the copy itself (measured).
 */
import { connect as connectTcp, isIP, type LookupFunction, type Socket } from "node:net";
import { connect as connectTls, type SecureContext } from "node:tls";
import type { HttpEndpoint } from "../base/mirror.ts";
import type { LaneFailure, RangeRead } from "./lane-protocol.ts";
import { judgeRangeAnswer } from "./range-answer.ts";
import { rangeHeaders } from "./range-request.ts";
import { failureOf, type RangeSink } from "./range-sink.ts";
import type { Passage, RateGate } from "./rate-gate.ts";
import { headEnd, MAX_HEAD_BYTES, parseResponseHead, type ResponseHead } from "./response-head.ts";
import { createSlab, type Slab } from "./slab.ts";

/** What a lane needs to know of the range that it reads. */
export type LaneSink = Pick<RangeSink, "end" | "accept" | "shrink" | "finish" | "fail"> & {
  readonly read: Pick<RangeRead, "start" | "end" | "size">;
};

/** One connection to one origin. Reads one range after the other, never two at once. */
export interface FastLane {
  readonly slab: Slab;
  /** True when it can take the next range. */
  readonly isIdle: () => boolean;
  /** Asks for the range of `sink` at `endpoint`, which must be of this lane's origin. */
  readonly start: (endpoint: HttpEndpoint, sink: LaneSink) => void;
  /** Ends the connection; the range under way, if any, hears nothing more. */
  readonly destroy: () => void;
}

export interface FastLaneOptions {
  readonly lookup: LookupFunction;
  readonly secureContext: () => SecureContext;
  readonly session: { readonly get: () => Buffer | undefined; readonly set: (session: Buffer) => void };
  readonly userAgent: string;
  readonly gate: RateGate;
  /** Called once, when the connection is gone. */
  readonly onClosed: () => void;
}

const MAX_INTERIM_ANSWERS = 8;
const KEEP_ALIVE_MS = 15_000;
/** Before the next address of a name is tried. Node's own 250 ms give up on hosts that are merely far away. */
const ATTEMPT_MS = 1000;

/** What the bytes that come in belong to. */
type Phase = "idle" | "head" | "body" | "dead";

/** Opens a connection to the origin of `url`; errors reach the range under way. */
export function openFastLane(url: URL, options: FastLaneOptions): FastLane {
  const { gate } = options;
  const slab = createSlab();
  let phase: Phase = "idle";
  let sink: LaneSink | null = null;
  let passage: Passage | null = null;
  let asked: HttpEndpoint | null = null;
  /** Where the answer under way ends. */
  let answerEnd = 0;
  let isKeptAlive = true;
  let interimAnswers = 0;

  /** Takes leave of the range under way, and lets `tell` say how it ended. */
  const end = (tell: (sink: LaneSink) => void): void => {
    const ended = sink;
    sink = null;
    passage?.leave();
    passage = null;
    if (ended !== null) tell(ended);
  };
  const fail = (failure: LaneFailure): void => {
    if (phase === "dead") return;
    phase = "dead";
    socket.destroy();
    end((ended) => ended.fail(failure));
  };
  const breakOff = (error: unknown): void => fail(failureOf(error));
  const finishRange = (): void => {
    // A shrunk range leaves bytes on the way, and surplus ones were never asked for: neither may meet the next head.
    const isReusable = isKeptAlive && slab.held().length === 0 && sink?.end() === answerEnd;
    slab.clear();
    phase = isReusable ? "idle" : "dead";
    if (!isReusable) socket.destroy();
    end((ended) => ended.finish());
  };
  const readBody = (count: number): void => {
    if (sink !== null && !sink.accept(count)) finishRange();
  };
  const readHead = (): void => {
    for (let length = headEnd(slab.held()); phase === "head"; length = headEnd(slab.held())) {
      const isTooLong = length > MAX_HEAD_BYTES || (length < 0 && slab.held().length >= MAX_HEAD_BYTES);
      if (isTooLong) return fail({ kind: "lied", message: "the head of its answer is too long" });
      if (length < 0) return;
      const head = parseResponseHead(slab.held().subarray(0, length));
      slab.drop(length);
      if (typeof head === "string") return fail({ kind: "lied", message: head });
      if (head.status >= 200) return judge(head);
      interimAnswers += 1;
      if (interimAnswers > MAX_INTERIM_ANSWERS) return fail({ kind: "lied", message: "it floods interim answers" });
    }
  };
  const judge = (head: ResponseHead): void => {
    if (sink === null || asked === null) return;
    const { start, end: last, size } = sink.read;
    const verdict = judgeRangeAnswer(head.status, (name) => head.fields.get(name), {
      ...asked,
      start,
      end: last,
      size,
    });
    if (verdict.kind !== "body") return fail(verdict);
    if (!verdict.isFramed) return fail({ kind: "unusual", message: "its answer has no Content-Length" });
    answerEnd = verdict.end;
    sink.shrink(answerEnd);
    isKeptAlive = head.isKeptAlive;
    phase = "body";
    if (slab.held().length > 0) readBody(slab.held().length);
  };
  const onBytes = (count: number): void => {
    slab.grow(count);
    passage?.spend(count);
    try {
      if (phase === "head") readHead();
      else if (phase === "body") readBody(count);
      else breakOff(new Error("it sent bytes that nobody asked for"));
    } catch (error) {
      breakOff(error);
    }
  };

  const onread = {
    buffer: () => slab.room(gate.stepBytes()),
    callback: (count: number) => {
      onBytes(count);
      return phase !== "dead";
    },
  };
  const socket = connectSocket(url, onread, options);
  const closedEarly = (): void => breakOff(new Error("it closed the connection early"));
  socket.setNoDelay(true);
  socket.setKeepAlive(true, KEEP_ALIVE_MS);
  socket.on("error", breakOff);
  socket.on("end", closedEarly);
  socket.on("close", () => {
    closedEarly();
    options.onClosed();
  });

  return {
    slab,
    isIdle: () => phase === "idle" && sink === null && !socket.destroyed,
    start: (endpoint, next) => {
      const head = requestHead(endpoint, next, options.userAgent);
      sink = next;
      asked = endpoint;
      phase = "head";
      interimAnswers = 0;
      passage = gate.enter({ pause: () => void socket.pause(), resume: () => void socket.resume() });
      socket.write(head, "latin1");
    },
    destroy: () => {
      phase = "dead";
      end(() => {});
      socket.destroy();
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
  const address = { host, port, lookup: options.lookup, onread, autoSelectFamilyAttemptTimeout: ATTEMPT_MS };
  if (!isTls) return connectTcp(address);
  const session = options.session.get();
  const socket = connectTls({
    ...address,
    ...(session === undefined ? {} : { session }),
    ...(isIP(host) === 0 ? { servername: host } : {}),
    secureContext: options.secureContext(),
    ALPNProtocols: ["http/1.1"],
  });
  socket.on("session", options.session.set);
  return socket;
}

function requestHead(endpoint: HttpEndpoint, sink: LaneSink, userAgent: string): string {
  const url = new URL(endpoint.url);
  const lines = Object.entries(rangeHeaders(endpoint, sink.read, userAgent)).map(
    ([name, value]) => `${name}: ${value}`,
  );
  return `GET ${url.pathname}${url.search} HTTP/1.1\r\nHost: ${url.host}\r\n${lines.join("\r\n")}\r\n\r\n`;
}
