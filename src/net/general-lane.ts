/**
 * The general lane: the same ranges through undici, for what the fast lane does not read
 * (proxies, chunked answers, servers without ranges).
 */
import type { Dispatcher } from "undici";
import type { HttpEndpoint } from "../base/mirror.ts";
import { rangeCondition } from "./fast-lane.ts";
import { judgeRangeAnswer } from "./range-answer.ts";
import { failureOf, type RangeSink } from "./range-sink.ts";

export interface GeneralLaneOptions {
  readonly dispatcher: Dispatcher;
  readonly userAgent: string;
  readonly signal: AbortSignal;
  readonly onReceived: (bytes: number) => void;
  /** Resolves when the budget of bytes per second allows more. */
  readonly allowed: () => Promise<void>;
}

/** Reads the range of `sink` from `endpoint`; ends the sink in every case but an abort. */
export async function readGeneral(endpoint: HttpEndpoint, sink: RangeSink, options: GeneralLaneOptions): Promise<void> {
  try {
    const answer = await request(endpoint, sink, options);
    const { start, end, size } = sink.read;
    const asked = { start, end, size, validator: endpoint.validator, hasRanges: endpoint.hasRanges };
    const verdict = judgeRangeAnswer(answer.statusCode, (name) => single(answer.headers[name]), asked);
    if (verdict.kind !== "body") {
      discard(answer.body);
      sink.fail(
        verdict.kind === "unusual" ? { kind: "refused", status: answer.statusCode, message: verdict.message } : verdict,
      );
      return;
    }
    await moveBody(answer.body, sink, options);
  } catch (error) {
    if (options.signal.aborted) return;
    sink.fail(failureOf(error));
  }
}

function request(
  endpoint: HttpEndpoint,
  sink: RangeSink,
  options: GeneralLaneOptions,
): Promise<Dispatcher.ResponseData> {
  const url = new URL(endpoint.url);
  const { start, end } = sink.read;
  const condition = rangeCondition(endpoint).map((line) => line.split(": ") as [string, string]);
  return options.dispatcher.request({
    origin: url.origin,
    path: url.pathname + url.search,
    method: "GET",
    headers: {
      "user-agent": options.userAgent,
      accept: "*/*",
      "accept-encoding": "identity",
      ...(endpoint.hasRanges ? { range: `bytes=${start}-${end - 1}` } : {}),
      ...Object.fromEntries(condition),
      ...endpoint.headers,
    },
    signal: options.signal,
  });
}

async function moveBody(
  body: Dispatcher.ResponseData["body"],
  sink: RangeSink,
  options: GeneralLaneOptions,
): Promise<void> {
  for await (const chunk of body as AsyncIterable<Buffer>) {
    options.onReceived(chunk.length);
    if (!acceptAll(chunk, sink)) {
      discard(body);
      sink.finish();
      return;
    }
    await options.allowed();
  }
  sink.fail({ kind: "network", message: `its answer ended ${sink.end() - sink.received()} bytes early` });
}

/** Ends a body that is not wanted; that it ends early is then no error. */
function discard(body: Dispatcher.ResponseData["body"]): void {
  body.on("error", () => undefined);
  body.destroy();
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
