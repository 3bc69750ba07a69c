/** What a bucket has under a candidate's key, and what an earlier run has sent of it. */
import { keyIn, uriOf } from "./destination.ts";
import type { PresentObject, PublishFact } from "./plan-publish.ts";
import { isProvenByEtag } from "./proven-by-etag.ts";
import { resumableBytes } from "./store-object.ts";
import type { Candidate, Run } from "./to-bucket.ts";

/** Looks at the bucket; reads the candidate's file only where an object says nothing of its digest. */
export async function surveyObject(run: Run, candidate: Candidate): Promise<PublishFact> {
  const { destination, bucket, ports, signal } = run;
  const { name: model, path, size, sha256, from } = candidate;
  const key = keyIn(destination, candidate);
  const to = uriOf(destination, key);
  const object = await lookAt(run, key, candidate);
  const isThere = object?.size === size && object.sha256 === sha256;
  const journal = ports.tree.uploadOf(to);
  const resumable = isThere ? 0 : await resumableBytes({ to, key, size, sha256, journal }, bucket, signal);
  return { model, path, to, size, sha256, from, object, resumableBytes: resumable };
}

async function lookAt(
  { bucket, signal }: Run,
  key: string,
  { size, sha256, file }: Candidate,
): Promise<PresentObject | null> {
  const head = await bucket.store.head(key, signal);
  if (head === null) return null;
  const { etag } = head;
  if (head.sha256 !== null || head.size !== size || file === null)
    return { size: head.size, etag, sha256: head.sha256 };
  const isProven = await isProvenByEtag(bucket, { file, size, etag }, signal);
  return { size, etag, sha256: isProven ? sha256 : null };
}
