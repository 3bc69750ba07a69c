/** How a reply goes onto the wire: its head, then its body at the pace that the shape and the reply allow. */
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { systemClock } from "../../src/base/clock.ts";
import { openContent, type Reader } from "./content.ts";
import type { Reply } from "./reply.ts";
import { createTokenBucket, type Shaper } from "./shaping.ts";

/** What one write carries: big enough to cost little, small enough to count well. */
const GRAIN = 512 * 1024;

const SETTLE_MS = 25;

export interface Sending {
  readonly response: ServerResponse;
  readonly socket: Socket;
  readonly shaper: Shaper;
  readonly isHead: boolean;
  readonly onSent: (bytes: number) => void;
  readonly reset: () => void;
  readonly drop: () => void;
  readonly die: (reviveAfterMs: number | null) => void;
}

/** Sends `reply`; resolves when there is nothing left to do for it, however it ended. */
export async function sendReply(reply: Reply, sending: Sending): Promise<void> {
  const { response, shaper, socket } = sending;
  const delayMs = shaper.firstByteDelayMs();
  if (delayMs > 0) await systemClock.sleep(delayMs);
  if (socket.destroyed) return;
  for (let sent = 0; sent < reply.hints; sent += 1) {
    socket.write("HTTP/1.1 103 Early Hints\r\nLink: </hint>; rel=preload\r\n\r\n");
  }
  if (reply.headStall !== "none") {
    if (reply.headStall === "torn") socket.write(`HTTP/1.1 ${reply.status} OK\r\nContent-Ty`);
    await onceClosed(response);
    return;
  }
  writeHead(reply, response);
  if (sending.isHead) {
    response.end();
    return;
  }
  await sendBody(reply, sending);
}

function writeHead(reply: Reply, response: ServerResponse): void {
  const flat = reply.headers.flat();
  const isBodyless = reply.status === 204 || reply.status === 304;
  const framing = isBodyless
    ? []
    : reply.length === null
      ? ["Transfer-Encoding", "chunked"]
      : ["Content-Length", String(reply.length)];
  response.sendDate = false;
  response.writeHead(reply.status, [...flat, ...framing, "Date", new Date(systemClock.now()).toUTCString()]);
}

async function sendBody(reply: Reply, sending: Sending): Promise<void> {
  const reader = await openContent(reply.content);
  try {
    await pump(reply, reader, sending);
  } finally {
    await reader.close();
  }
  if (!sending.socket.destroyed) await finish(reply, sending);
}

/** Keeps two writes under way, each from its own memory, which is used again once the kernel has the bytes. */
async function pump(reply: Reply, reader: Reader, sending: Sending): Promise<void> {
  const { response } = sending;
  const stopAt = reply.ending.kind === "finish" ? Infinity : reply.ending.afterBytes;
  const total = Math.min(reply.part.end - reply.part.start, stopAt);
  const memories = [memoryOf(total), memoryOf(total - GRAIN)];
  const writes: (Promise<void> | null)[] = [null, null];
  const pace = reply.pace === null ? null : { ...reply.pace, bucket: createTokenBucket(reply.pace.bytesPerSecond) };
  const closed = onceClosed(response);
  void closed.then(() => pace?.bucket.stop());
  let turn = 0;
  response.flushHeaders();
  for (let done = 0; done < total && !response.destroyed && !sending.socket.destroyed; turn ^= 1) {
    await writes[turn];
    let want = Math.min(GRAIN, total - done);
    if (pace !== null && done < pace.fromByte) want = Math.min(want, pace.fromByte - done);
    if (pace !== null && done >= pace.fromByte) want = await pace.bucket.take(want);
    const granted = await sending.shaper.take(sending.socket, want);
    if (response.destroyed || sending.socket.destroyed) break;
    const at = reply.part.start + done;
    const read = await reader.read(at, at + granted, memories[turn] as Uint8Array);
    if (read.length === 0) throw new Error(`content ended at byte ${at}`);
    const bytes = reply.alter === null ? read : reply.alter(read, at);
    writes[turn] = Promise.race([write(response, bytes, sending.onSent), closed]);
    done += read.length;
  }
  await Promise.all(writes);
}

const memoryOf = (bytes: number): Uint8Array => Buffer.allocUnsafeSlow(Math.max(0, Math.min(GRAIN, bytes)));

function write(response: ServerResponse, bytes: Uint8Array, onSent: (bytes: number) => void): Promise<void> {
  return new Promise((resolve) => {
    response.write(bytes, (error) => {
      if (!error) onSent(bytes.length);
      resolve();
    });
  });
}

async function finish(reply: Reply, { response, reset, drop, die }: Sending): Promise<void> {
  const { ending } = reply;
  // A reset that comes in one poll with the last bytes is an orderly end to a reader on libuv: let it read first.
  if (ending.kind === "reset" || ending.kind === "die") await systemClock.sleep(SETTLE_MS);
  if (ending.kind === "finish") response.end();
  else if (ending.kind === "close") response.socket?.end();
  else if (ending.kind === "reset") reset();
  else if (ending.kind === "drop") drop();
  else if (ending.kind === "die") die(ending.reviveAfterMs);
  else await onceClosed(response);
}

async function onceClosed(response: ServerResponse): Promise<void> {
  if (!response.destroyed && !response.closed) await once(response, "close").catch(() => undefined);
}
