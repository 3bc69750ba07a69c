/** Reads files again and says which of them still hold what they ought to. */
import type { Clock } from "../base/clock.ts";
import type { Finding } from "../tree/check.ts";
import type { ReadOptions } from "../tree/terms.ts";
import type { Tree } from "../tree/tree.ts";
import type { CheckReport } from "./check.ts";
import type { Selection } from "./select.ts";

/**
 * Verifies the selection, or with null every file that has a receipt; receipts are renewed or mended.
 * The report has the shape of a check; only proven files are ok.
 * @throws ModelsError `DISK_FAILED`, `DISK_FULL`
 */
export async function verifyTree(
  ports: { readonly tree: Tree; readonly clock: Clock },
  selection: Selection | null,
  options: ReadOptions = {},
): Promise<CheckReport> {
  const startedMs = ports.clock.monotonicMs();
  const models =
    selection === null ? await ports.tree.verify(null, options) : await verifySelection(ports.tree, selection, options);
  const elapsedMs = Math.round(ports.clock.monotonicMs() - startedMs);
  return { ok: models.every(({ status }) => status === "present"), root: ports.tree.root, models, elapsedMs };
}

/** A model's own figures count, not only what its receipt remembers. */
async function verifySelection(tree: Tree, { models }: Selection, options: ReadOptions): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const model of models) {
    options.signal?.throwIfAborted();
    const looked = await tree.check(model);
    const isThere = looked.status === "present" || looked.status === "unverified" || looked.status === "corrupt";
    const [read] = isThere ? await tree.verify([model.path], options) : [];
    findings.push(read === undefined ? looked : { ...(await tree.check(model)), name: model.name });
  }
  return findings;
}
