/** What a source becomes when it is made concrete: something that gives its size and opens byte ranges. */
import type { Sha256 } from "./artifact.ts";

/** Where byte ranges can be read right now. Plain data, so that it can cross to another thread. */
export type Endpoint = HttpEndpoint | FileEndpoint;

export interface HttpEndpoint {
  readonly kind: "http";
  /** Final address, after every redirect; may be signed, so never printed. */
  readonly url: string;
  /** Sent with each range request to this very origin; may hold a token, so never printed. */
  readonly headers: Readonly<Record<string, string>>;
  /** ETag of the first answer, as sent (with quotes and `W/`), else a `Last-Modified` to rely on, else null. */
  readonly validator: string | null;
  /** What else its servers were seen to give for the very same file: compared, never sent. @default none */
  readonly synonyms?: readonly string[];
  /** Whether the address may resolve to a loopback, link-local or private network. */
  readonly mayBePrivate: boolean;
  /** False when the server answers 200 to a range request: then only the whole file can be read, in one go. */
  readonly hasRanges: boolean;
}

export interface FileEndpoint {
  readonly kind: "file";
  readonly path: string;
}

/** A source that exists, with what it declares about itself. */
export interface Mirror {
  /** Host (or `file`), as the summary prints it. */
  readonly label: string;
  /** The source's URI without secrets. */
  readonly source: string;
  /** Bytes of the whole artifact, as this mirror says. */
  readonly size: number;
  /** Digest that the mirror itself declares (`X-Linked-Etag`, object metadata), or null. */
  readonly sha256: Sha256 | null;
  /** Commit that the mirror resolved to, where it has commits. */
  readonly revision: string | null;
  /** All of its bytes, unproven, where they came with its first answer as those of a small file do; else null. */
  readonly whole: Uint8Array | null;
  /**
   * The endpoint to use now. Given the one that was refused (an expired link), resolves again;
   * callers that come with the same refused endpoint share one resolve.
   * @throws ModelsError `SOURCE_NOT_FOUND`, `SOURCE_GATED`, `SOURCE_UNAUTHORIZED`, `MIRROR_FAILED`, `MIRROR_RATE_LIMITED`
   */
  readonly open: (signal: AbortSignal, refused?: Endpoint) => Promise<Endpoint>;
}

/** A mirror that had not answered when others had: its `open` waits for its answer, and throws what is wrong with it. */
export interface LateMirror extends Mirror {
  /** For how many milliseconds it has been silent; null once it has answered. */
  readonly silentMs: () => number | null;
}
