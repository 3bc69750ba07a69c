/** What every kind of source gives and gets; a new kind is one file with a {@link SourceKind} and one line in the table. */
import type { Sha256 } from "../base/artifact.ts";
import type { Clock } from "../base/clock.ts";
import type { Endpoint } from "../base/mirror.ts";
import type { Http } from "../net/http.ts";
import type { S3 } from "../net/s3.ts";
import type { Settings } from "../settings.ts";

/** The part of the settings that sources obey. */
export interface SourceSettings extends Pick<Settings, "civitai" | "s3" | "hosts" | "mirrors"> {
  readonly limits: Pick<Settings["limits"], "maxRate">;
  readonly hub: Pick<Settings["hub"], "endpoint" | "token" | "isOffline">;
}

export interface SourceContext {
  readonly settings: SourceSettings;
  readonly http: Http;
  readonly s3: S3;
  readonly clock: Clock;
  /** Waits until so many bytes may come in. @throws the signal's reason */
  readonly pace: (bytes: number, signal: AbortSignal) => Promise<void>;
}

/** What a source is asked with. */
export interface Asking extends SourceContext {
  /** How much of the beginning to read. */
  readonly headBytes: number;
  /** Bytes that the file must have, where its sha256 will prove that it has them; else null. */
  readonly size: number | null;
}

/** A source that answered: where it can be read, what it says about itself, and how it begins. */
export interface Resolved {
  readonly endpoint: Endpoint;
  readonly size: number;
  readonly sha256: Sha256 | null;
  readonly revision: string | null;
  /** The first bytes, as many as were asked for; all of a shorter file. */
  readonly head: Uint8Array;
  /** When the endpoint should no longer be given out ({@link Clock.monotonicMs}), or null. */
  readonly staleAtMs: number | null;
}

export interface SourceKind<S> {
  /** The host as people know it, before any redirect. */
  readonly label: (source: S, settings: SourceSettings) => string;
  /**
   * @throws ModelsError `SOURCE_NOT_FOUND`, `SOURCE_GATED`, `SOURCE_UNAUTHORIZED`, `SOURCE_INVALID`, `MIRROR_FAILED`,
   * `MIRROR_STALLED`, `MIRROR_LIED`, `MIRROR_RATE_LIMITED`, `NOT_WEIGHTS` (empty), `OFFLINE`, `CONFIG_INVALID`
   */
  readonly resolve: (source: S, asking: Asking, signal: AbortSignal) => Promise<Resolved>;
  /** The address at which its file lies, where that is known without asking anybody; else null. */
  readonly addressOf?: (source: S, settings: SourceSettings) => string | null;
  /** The source that names what was found and nothing newer. */
  readonly pin?: (source: S, revision: string) => S;
}
