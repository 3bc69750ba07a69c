/**
 * The general lane: the same ranges through undici, for what the fast lane does not read
 * (proxies, chunked answers, servers without ranges).
 */
import type { Dispatcher } from "undici";
import type { HttpEndpoint } from "../base/mirror.ts";
import type { LaneFailure } from "./lane-protocol.ts";
import { judgeRangeAnswer } from "./range-answer.ts";
import { rangeHeaders } from "./range-request.ts";
import { failureOf, type RangeSink } from "./range-sink.ts";
import type { Passage, RateGate } from "./rate-gate.ts";

export interface GeneralLaneOptions {
  readonly dispatcher: Dispatcher;
  readonly userAgent: string;
  readonly gate: RateGate;
  readonly signal: AbortSignal;
}

/** What kept a range from ending by itself; null when its sink was told how it ended. */
type Trouble = { readonly error: unknown; readonly isAnswered: boolean } | null;

/** Reads the range of `sink` from `endpoint`; ends the sink in every case. */
export async function readGeneral(endpoint: HttpEndpoint, sink: RangeSink, options: GeneralLaneOptions): Promise<void> {
  let trouble = await readAnswer(endpoint, sink, options);
  // A kept-alive connection may have been closed while it was idle: that says nothing about the mirror.
  if (trouble !== null && !trouble.isAnswered && isClosed(trouble.error) && !options.signal.aborted) {
    trouble = await readAnswer(endpoint, sink, options);
  }
  if (trouble !== null) sink.fail(failureOf(trouble.error));
}

const isClosed = (error: unknown): boolean =>
  ["UND_ERR_SOCKET", "ECONNRESET", "EPIPE"].includes(String((error as NodeJS.ErrnoException).code));

/** Without a stream, which costs a tenth more of a processor (measured). */
function readAnswer(endpoint: HttpEndpoint, sink: RangeSink, options: GeneralLaneOptions): Promise<Trouble> {
  const { dispatcher, userAgent, gate, signal } = options;
  const { start, end: last, size } = sink.read;
  const asked = { ...endpoint, start, end: last, size };
  return new Promise((resolve) => {
    let controller: Dispatcher.DispatchController | null = null;
    let passage: Passage | null = null;
    let isAnswered = false;
    let isOver = false;
    const end = (tell: () => Trouble): void => {
      if (isOver) return;
      isOver = true;
      signal.removeEventListener("abort", abort);
      passage?.leave();
      resolve(tell());
    };
    const finish = (): void =>
      end(() => {
        sink.finish();
        return null;
      });
    const fail = (failure: LaneFailure): void =>
      end(() => {
        sink.fail(failure);
        return null;
      });
    const breakOff = (error: unknown): void => {
      end(() => ({ error, isAnswered }));
      controller?.abort(OVER);
    };
    const abort = (): void => breakOff(signal.reason);
    const handler: Dispatcher.DispatchHandler = {
      onRequestStart: (given) => {
        controller = given;
        if (isOver) given.abort(OVER);
      },
      onResponseStart: (given, status, headers) => {
        if (status < 200 || isOver) return;
        isAnswered = true;
        const verdict = judgeRangeAnswer(status, (name) => single(headers[name]), asked);
        if (verdict.kind === "body") {
          sink.shrink(verdict.end);
          passage = gate.enter({ pause: () => given.pause(), resume: () => given.resume() });
          return;
        }
        fail(verdict);
        given.abort(OVER);
      },
      onResponseData: (given, chunk) => {
        // More than the range by now is: a shrunk one, or a server that sends on.
        if (isOver) return given.abort(OVER);
        try {
          passage?.spend(chunk.length);
          if (!acceptAll(chunk, sink)) finish();
        } catch (error) {
          breakOff(error);
        }
      },
      onResponseEnd: () =>
        fail({ kind: "network", message: `its answer ended ${sink.end() - sink.received()} bytes early` }),
      onResponseError: (_, error) => breakOff(error),
    };
    if (signal.aborted) return abort();
    signal.addEventListener("abort", abort, { once: true });
    const url = new URL(endpoint.url);
    const path = url.pathname + url.search;
    dispatcher.dispatch(
      { origin: url.origin, path, method: "GET", headers: { ...rangeHeaders(endpoint, sink.read, userAgent) } },
      handler,
    );
  });
}

const OVER = new Error("it is over");

function acceptAll(chunk: Uint8Array, sink: RangeSink): boolean {
  for (let at = 0; at < chunk.length; ) {
    const room = sink.slab.room();
    const moved = Math.min(room.length, chunk.length - at);
    room.set(chunk.subarray(at, at + moved));
    sink.slab.grow(moved);
    at += moved;
    if (!sink.accept(moved)) return false;
  }
  return true;
}

const single = (value: string | string[] | undefined): string | undefined =>
  Array.isArray(value) ? value.join(", ") : value;
