/** What comes of holding a document against its format. */
import type { Problem } from "../base/errors.ts";

export type Checked<T> =
  | { readonly kind: "ok"; readonly value: T }
  | { readonly kind: "bad"; readonly problems: readonly Problem[] };
