/** One bucket through the AWS SDK, which is loaded by the first request: asks, and asks again while that may help. */
import type { S3Client } from "@aws-sdk/client-s3";
import type { BucketAccess } from "../base/access.ts";
import type { Clock } from "../base/clock.ts";
import { ModelsError } from "../base/errors.ts";
import { backoffMs } from "../base/flow.ts";
import { withoutWarning } from "../base/process.ts";
import { refuseLongPause } from "./host-waits.ts";
import { clientSettings, type ObjectPlace, SDK_WARNING } from "./s3.ts";
import { type Refusal, refusalError, refusalIn } from "./s3-refusals.ts";
import type { S3Transport, WireOptions } from "./s3-transport.ts";

/** The package itself, as the first request loaded it. */
export type Sdk = typeof import("@aws-sdk/client-s3");

export interface SendOptions {
  readonly signal?: AbortSignal | undefined;
  /** Bytes handed to the socket; negative when a try is thrown away. */
  readonly onSent?: ((bytes: number) => void) | undefined;
  /** A try was refused or lost, and another one follows after `waitMs`. */
  readonly onRetry?: ((refusal: Refusal, waitMs: number) => void) | undefined;
}

/** One request: what it is for, how it is asked, and which refusals are answers. */
export interface Asked<T> {
  readonly verb: "read" | "write" | "list" | "remove";
  /** Key or prefix, for messages. */
  readonly key: string;
  readonly ask: (sdk: Sdk, send: S3Client["send"]) => Promise<T>;
  /** The value that this refusal of try `attempt` (from 0) stands for; undefined when it stands for none. */
  readonly accept?: (refusal: Refusal, attempt: number) => Promise<{ readonly value: T } | undefined>;
}

export interface S3Session {
  readonly bucket: string;
  /** `r2://bucket`. */
  readonly name: string;
  /** @throws ModelsError as `refusalError` and `refuseLongPause` say, `CONFIG_INVALID`; or the signal's reason */
  readonly request: <T>(asked: Asked<T>, options?: SendOptions) => Promise<T>;
}

/** Pages of one list, of up to 1,000 entries each; a store that goes on and on would fill the memory. */
const MAX_PAGES = 10_000;

/**
 * Called before each page of a list is asked for.
 * @throws ModelsError `MIRROR_LIED` when there have been too many
 */
export function refuseEndlessList(pagesSoFar: number, name: string): void {
  if (pagesSoFar < MAX_PAGES) return;
  throw new ModelsError("MIRROR_LIED", `Cannot list "${name}": its list does not end after ${MAX_PAGES} pages`, {
    fix: "name a prefix that fewer objects have",
  });
}

/** A part is worth more tries than a question: what was sent before depends on it. */
const TRIES = 10;
/** Bytes that arrive damaged again and again are damaged here. */
const TRIES_AT_DAMAGE = 3;

/** Opens nothing before the first request. */
export function createS3Session(
  place: Omit<ObjectPlace, "key">,
  access: BucketAccess,
  ports: { readonly transport: S3Transport; readonly clock: Clock },
): S3Session {
  const { transport, clock } = ports;
  const { bucket } = place;
  const name = `${place.kind}://${bucket}`;
  let opened: Promise<{ readonly sdk: Sdk; readonly client: S3Client }> | null = null;
  const open = async (): Promise<{ readonly sdk: Sdk; readonly client: S3Client }> => {
    const settings = clientSettings(place, access);
    const sdk = await import("@aws-sdk/client-s3");
    const requestHandler = { handle: transport.handle as never };
    const client = withoutWarning(
      SDK_WARNING,
      () => new sdk.S3Client({ ...settings, maxAttempts: 1, requestHandler, followRegionRedirects: true }),
    );
    return { sdk, client };
  };
  return {
    bucket,
    name,
    request: async ({ verb, key, ask, accept }, { signal, onSent, onRetry } = {}) => {
      opened ??= open();
      const { sdk, client } = await opened;
      for (let attempt = 0; ; attempt += 1) {
        signal?.throwIfAborted();
        let sent = 0;
        const count = (bytes: number): void => {
          sent += bytes;
          onSent?.(bytes);
        };
        const wire: WireOptions = { abortSignal: signal, onSent: count };
        const send = ((command: never) => client.send(command, wire as never)) as S3Client["send"];
        try {
          return await ask(sdk, send);
        } catch (error) {
          signal?.throwIfAborted();
          const refusal = refusalIn(error);
          const accepted = await accept?.(refusal, attempt);
          if (accepted !== undefined) return accepted.value;
          if (sent > 0) onSent?.(-sent);
          const subject = { verb, name: key === "" ? name : `${name}/${key}`, bucket };
          const tries = refusal.code === "BadDigest" ? TRIES_AT_DAMAGE : TRIES;
          if (!refusal.mayPass || attempt >= tries - 1) throw refusalError(error, subject);
          refuseLongPause(name, refusal.waitMs ?? 0);
          const waitMs = Math.max(refusal.waitMs ?? 0, backoffMs(attempt, clock));
          onRetry?.(refusal, waitMs);
          await clock.sleep(waitMs, signal);
        }
      }
    },
  };
}

/** Has the bytes sent under a signature that covers their md5, instead of one more sha256 of them. */
export function unsigned<C extends { readonly middlewareStack: unknown }>(command: C): C {
  const middleware = (next: (args: unknown) => unknown) => (args: { request: { headers: Record<string, string> } }) => {
    args.request.headers["x-amz-content-sha256"] = "UNSIGNED-PAYLOAD";
    return next(args);
  };
  const stack = command.middlewareStack as { add: (middleware: unknown, options: object) => void };
  stack.add(middleware, { step: "build", name: "unsignedPayload" });
  return command;
}

/** An ETag as it is compared: without quotes and `W/`. Of a part it may be any text, which is given back as it came. */
export function bareEtag(etag: string | undefined): string {
  return (etag ?? "").replace(/^(?:W\/)?"(.*)"$/, "$1");
}

/** A hex digest as S3's headers carry it. */
export function base64Of(hex: string): string {
  return Buffer.from(hex, "hex").toString("base64");
}
