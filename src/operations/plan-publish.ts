/** Decides what will be done about each model on its way into a bucket. Pure: `--dry-run` prints what a run then obeys. */
import type { Sha256 } from "../base/artifact.ts";
import { formatBytes } from "../base/bytes.ts";
import { ModelsError } from "../base/errors.ts";
import type { PlanLine } from "../base/events.ts";

/** What lies under the key now. */
export interface PresentObject {
  readonly size: number;
  readonly etag: string;
  /** From its metadata, or proven by its ETag; null when nothing says what it is. */
  readonly sha256: Sha256 | null;
}

/** Everything that is known about one model before the first byte is sent. */
export interface PublishFact {
  readonly model: string;
  readonly path: string;
  /** `r2://bucket/key`. */
  readonly to: string;
  readonly size: number;
  readonly sha256: Sha256;
  /** Where its bytes come from: a file on this box, or source URIs. */
  readonly from: readonly string[];
  readonly object: PresentObject | null;
  /** Bytes that an earlier run sent. */
  readonly resumableBytes: number;
}

export type PublishAction = "present" | "send" | "resume" | "replace" | "refuse";

export interface PublishLine extends PublishFact {
  readonly action: PublishAction;
  readonly sendBytes: number;
}

export interface PublishPlan {
  /** In the order of the selection. */
  readonly lines: readonly PublishLine[];
  readonly sendBytes: number;
}

/** Plans a publication. With `force`, another content under a key is replaced instead of refused. */
export function planPublish(facts: readonly PublishFact[], { force }: { readonly force: boolean }): PublishPlan {
  const lines = facts.map((fact): PublishLine => {
    const action = actionFor(fact, force);
    const isSent = action === "send" || action === "resume" || action === "replace";
    return { ...fact, action, sendBytes: isSent ? Math.max(0, fact.size - fact.resumableBytes) : 0 };
  });
  return { lines, sendBytes: lines.reduce((sum, { sendBytes }) => sum + sendBytes, 0) };
}

function actionFor({ object, size, sha256, resumableBytes }: PublishFact, force: boolean): PublishAction {
  if (object === null) return resumableBytes > 0 ? "resume" : "send";
  if (object.size === size && object.sha256 === sha256) return "present";
  return force ? "replace" : "refuse";
}

/** Why a line is refused. */
export function conflictError({ model, to, size, sha256, object }: PublishLine): ModelsError {
  const seen =
    object === null || object.size !== size
      ? `${formatBytes(object?.size ?? 0)} (${object?.size ?? 0} bytes) are there, this has ${size} bytes`
      : object.sha256 === null
        ? "an object of this size is there, and nothing says what it holds"
        : `it holds sha256 ${object.sha256}, this is ${sha256}`;
  return new ModelsError("BUCKET_CONFLICT", `Cannot publish "${model}" to "${to}": ${seen}`, {
    fix: "publish it under another path, or replace what is there with --force",
  });
}

/** A line as the plan event carries it. */
export function eventLine({ model, path, size, action, from }: PublishLine): PlanLine {
  return { model, path, size, action: action === "present" ? "present" : "send", fetchBytes: 0, from };
}
