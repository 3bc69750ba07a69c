/** Ranges of mirrors read into memory, for what passes through this box without touching its disk. */
import { type FileHandle, open } from "node:fs/promises";
import type { Dispatcher } from "undici";
import type { Clock } from "../base/clock.ts";
import type { Endpoint, HttpEndpoint } from "../base/mirror.ts";
import { type AgentsSettings, createAgents } from "./agents.ts";
import type { LaneFailure } from "./lane-protocol.ts";
import { judgeRangeAnswer } from "./range-answer.ts";
import { rangeHeaders } from "./range-request.ts";
import { failureOf } from "./range-sink.ts";

export interface MemoryRead {
  readonly endpoint: Endpoint;
  readonly start: number;
  readonly end: number;
  /** Bytes of the whole artifact. */
  readonly size: number;
  /** Exactly as long as the range. */
  readonly into: Uint8Array;
  readonly signal: AbortSignal;
  readonly onReceived: (bytes: number) => void;
}

export interface MemoryReader {
  /** Null when the whole range is in memory, else why it is not: everything that was told of is right. */
  readonly read: (read: MemoryRead) => Promise<LaneFailure | null>;
  readonly close: () => Promise<void>;
}

export interface MemoryReaderSettings extends AgentsSettings {
  readonly userAgent: string;
}

/** Opens no connection before the first read. */
export function createMemoryReader(settings: MemoryReaderSettings, clock: Clock): MemoryReader {
  const agents = createAgents(settings, clock);
  return {
    read: async (read) => {
      try {
        const { endpoint } = read;
        if (endpoint.kind === "file") return await readFileRange(endpoint.path, read);
        const dispatcher = await agents.for(endpoint.mayBePrivate);
        return await readHttpRange(endpoint, read, { dispatcher, userAgent: settings.userAgent });
      } catch (error) {
        return failureOf(read.signal.aborted ? read.signal.reason : error);
      }
    },
    close: agents.close,
  };
}

async function readHttpRange(
  endpoint: HttpEndpoint,
  read: MemoryRead,
  { dispatcher, userAgent }: { readonly dispatcher: Dispatcher; readonly userAgent: string },
): Promise<LaneFailure | null> {
  const { start, end, size, signal } = read;
  const url = new URL(endpoint.url);
  const answer = await dispatcher.request({
    origin: url.origin,
    path: url.pathname + url.search,
    method: "GET",
    headers: { ...rangeHeaders(endpoint, read, userAgent) },
    signal,
  });
  // A body that is destroyed says so with an error event; whoever reads it hears the error as well.
  answer.body.on("error", () => undefined);
  const field = (name: string): string | undefined => [answer.headers[name]].flat().join(", ") || undefined;
  const verdict = judgeRangeAnswer(answer.statusCode, field, { ...endpoint, start, end, size });
  if (verdict.kind !== "body") {
    answer.body.destroy();
    return verdict;
  }
  const failure = await fillFrom(answer.body as AsyncIterable<Uint8Array>, partOf(read, start, verdict.end));
  if (failure !== null || verdict.end === end) return failure;
  return await readHttpRange(endpoint, partOf(read, verdict.end, end), { dispatcher, userAgent });
}

const partOf = (read: MemoryRead, start: number, end: number): MemoryRead => ({
  ...read,
  start,
  end,
  into: read.into.subarray(start - read.start, end - read.start),
});

async function fillFrom(
  body: AsyncIterable<Uint8Array>,
  { into, onReceived }: MemoryRead,
): Promise<LaneFailure | null> {
  let at = 0;
  for await (const chunk of body) {
    if (chunk.length > into.length - at) return { kind: "lied", message: "it sent more bytes than were asked for" };
    into.set(chunk, at);
    at += chunk.length;
    onReceived(chunk.length);
  }
  return at === into.length ? null : { kind: "network", message: `its answer ended ${into.length - at} bytes early` };
}

async function readFileRange(path: string, read: MemoryRead): Promise<LaneFailure | null> {
  await using file: FileHandle = await open(path, "r");
  const { size } = await file.stat();
  if (size !== read.size) return { kind: "changed", message: `the file has ${size} bytes, expected ${read.size}` };
  for (let at = 0; at < read.into.length; ) {
    read.signal.throwIfAborted();
    const { bytesRead } = await file.read(read.into, at, read.into.length - at, read.start + at);
    if (bytesRead === 0) return { kind: "network", message: "the file ended early" };
    at += bytesRead;
    read.onReceived(bytesRead);
  }
  return null;
}
