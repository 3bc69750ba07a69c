/**
 * The general lane: the same ranges through undici, for what the fast lane does not read
 * (proxies, chunked answers, servers without ranges).
 */
import type { Dispatcher } from "undici";
import type { HttpEndpoint } from "../base/mirror.ts";
import { judgeRangeAnswer } from "./range-answer.ts";
import { rangeHeaders } from "./range-request.ts";
import { failureOf, type RangeSink } from "./range-sink.ts";
import { enterTurnstile, type RateGate } from "./rate-gate.ts";

export interface GeneralLaneOptions {
  readonly dispatcher: Dispatcher;
  readonly userAgent: string;
  readonly gate: RateGate;
  readonly signal: AbortSignal;
}

type Body = Dispatcher.ResponseData["body"];

/** Reads the range of `sink` from `endpoint`; ends the sink in every case. */
export async function readGeneral(endpoint: HttpEndpoint, sink: RangeSink, options: GeneralLaneOptions): Promise<void> {
  try {
    const { start, end, size } = sink.read;
    const answer = await ask(endpoint, sink, options).catch((error: unknown) => {
      // A kept-alive connection may have been closed while it was idle: that says nothing about the mirror.
      if (isClosed(error) && !options.signal.aborted) return ask(endpoint, sink, options);
      throw error;
    });
    // A body that is destroyed says so with an error event; whoever reads it hears the error as well.
    answer.body.on("error", () => undefined);
    const asked = { start, end, size, validator: endpoint.validator, hasRanges: endpoint.hasRanges };
    const verdict = judgeRangeAnswer(answer.statusCode, (name) => single(answer.headers[name]), asked);
    if (verdict.kind === "body") return await moveBody(answer.body, sink, options);
    answer.body.destroy();
    sink.fail(verdict);
  } catch (error) {
    sink.fail(failureOf(error));
  }
}

const isClosed = (error: unknown): boolean =>
  ["UND_ERR_SOCKET", "ECONNRESET", "EPIPE"].includes(String((error as NodeJS.ErrnoException).code));

function ask(
  endpoint: HttpEndpoint,
  { read }: RangeSink,
  { dispatcher, userAgent, signal }: GeneralLaneOptions,
): Promise<Dispatcher.ResponseData> {
  const url = new URL(endpoint.url);
  return dispatcher.request({
    origin: url.origin,
    path: url.pathname + url.search,
    method: "GET",
    headers: { ...rangeHeaders(endpoint, read, userAgent) },
    signal,
  });
}

async function moveBody(body: Body, sink: RangeSink, { gate }: GeneralLaneOptions): Promise<void> {
  const turnstile = enterTurnstile(gate);
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      turnstile.spend(chunk.length);
      if (!acceptAll(chunk, sink)) return sink.finish();
      await turnstile.open();
    }
    sink.fail({ kind: "network", message: `its answer ended ${sink.end() - sink.received()} bytes early` });
  } finally {
    turnstile.leave();
  }
}

function acceptAll(chunk: Buffer, sink: RangeSink): boolean {
  let at = 0;
  while (at < chunk.length) {
    const moved = chunk.copy(sink.slab.room(), 0, at);
    sink.slab.grow(moved);
    at += moved;
    if (!sink.accept(moved)) return false;
  }
  return true;
}

const single = (value: string | string[] | undefined): string | undefined =>
  Array.isArray(value) ? value.join(", ") : value;
