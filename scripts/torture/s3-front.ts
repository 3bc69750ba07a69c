/** Stands before the real S3 server and passes on what it answers, as an origin that can be shaped, counted and broken. */
import { type IncomingMessage, request } from "node:http";
import {
  type Asked,
  type Origin,
  type OriginOptions,
  type Reply,
  replyWith,
  startOrigin,
} from "../../tests/origins/index.ts";

/** The name under which S3's own answer is framed; the origin frames it anew. */
const FRAMING = new Set(["content-length", "transfer-encoding", "connection", "keep-alive", "date"]);

/**
 * Starts a front before `endpoint`; the client's `Host` is passed on, since it is signed.
 * @param bytesAt the object behind a path, for faults that send more than was asked for
 */
export async function startS3Front(
  endpoint: string,
  bytesAt: (path: string) => Buffer | null,
  options: OriginOptions,
): Promise<Origin> {
  const target = new URL(endpoint);
  return await startOrigin(async (asked) => replyOf(await forward(target, asked), bytesAt(asked.path)), options);
}

interface Answer {
  readonly head: IncomingMessage;
  readonly body: Buffer;
}

function forward(target: URL, asked: Asked): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { host: hostname, method, url: path, headers } = { ...asked, host: target.hostname };
    const onward = request({ hostname, port: target.port, method, path, headers, agent: false }, (head) => {
      const steps: Buffer[] = [];
      head.on("data", (step: Buffer) => steps.push(step));
      head.on("error", reject);
      head.on("end", () => resolve({ head, body: Buffer.concat(steps) }));
    });
    onward.on("error", reject);
    onward.end(asked.body);
  });
}

function replyOf({ head, body }: Answer, whole: Buffer | null): Reply {
  const pairs = Object.entries(head.headers).flatMap(([name, value]) =>
    FRAMING.has(name) || value === undefined ? [] : [[name, String(value)] as const],
  );
  const status = head.statusCode ?? 502;
  const [, start, last] = /^bytes (\d+)-(\d+)\//.exec(head.headers["content-range"] ?? "") ?? [];
  if (status !== 206 || whole === null) return replyWith(status, Object.fromEntries(pairs), body);
  const part = { start: Number(start), end: Number(last) + 1 };
  const isRight = body.equals(whole.subarray(part.start, part.end));
  if (!isRight) throw new Error("the S3 server sends other bytes than were put into it");
  return replyWith(status, Object.fromEntries(pairs), whole, part);
}
