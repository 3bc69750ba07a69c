/** The table of sources: which file knows which kind. */
import { bucketSource } from "./bucket.ts";
import { civitaiSource } from "./civitai.ts";
import { fileSource } from "./file.ts";
import { hubSource } from "./hub.ts";
import type { SourceKind } from "./source.ts";
import type { BucketSource, CivitaiSource, FileSource, HubSource, Source, WebSource } from "./uri.ts";
import { webSource } from "./web.ts";

interface Kinds {
  readonly hf: SourceKind<HubSource>;
  readonly r2: SourceKind<BucketSource>;
  readonly s3: SourceKind<BucketSource>;
  readonly civitai: SourceKind<CivitaiSource>;
  readonly web: SourceKind<WebSource>;
  readonly file: SourceKind<FileSource>;
}

const KINDS: Kinds = {
  hf: hubSource,
  r2: bucketSource,
  s3: bucketSource,
  civitai: civitaiSource,
  web: webSource,
  file: fileSource,
};

/** The kind that knows `source`. */
export function kindOf<S extends Source>(source: S): SourceKind<S> {
  return KINDS[source.kind] as unknown as SourceKind<S>;
}
