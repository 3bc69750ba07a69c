/** The public surface of the library, which puts model weights on this box and proves that they are there.
 *
 * Everything is returned, nothing is printed; whatever fails throws a {@link ModelsError} with a `code` to switch over
 * and a `fix` that says what to do next.
 *
 * @example
 * ```ts
 * import { createModels, preload } from "modelferry";
 *
 * await preload();                                            // in a set-up hook: BASE_MODEL_KIT, PRELOAD_WORKFLOW
 *
 * const models = createModels({ root: "/comfyui/models" });
 * await models.sync({ kits: ["flux"], onEvent: (event) => console.error(event.kind) });
 * await models.require({ workflows: [graph] });               // throws MODELS_MISSING before anything runs
 * await models.close();
 * ```
 */
export type { Sha256 } from "./base/artifact.ts";
export { type ErrorCode, isModelsError, ModelsError, type Problem } from "./base/errors.ts";
export type {
  Event,
  FileProgress,
  MirrorError,
  MirrorShare,
  PlanAction,
  PlanLine,
  Replaced,
  SignerEntry,
  Summary,
} from "./base/events.ts";
export { createModels, type Models, type ModelsOptions, type ModelsPorts, preload } from "./models.ts";
export type { AddOptions, AddReport } from "./operations/add.ts";
export type { AdoptReport } from "./operations/adopt.ts";
export type { BucketListing, BucketObject } from "./operations/bucket-contents.ts";
export type { BucketReport, ObjectFinding } from "./operations/bucket-diff.ts";
export type { BucketOperations, BucketRequest, PublishRequest } from "./operations/bucket-operations.ts";
export type { RemovalReport } from "./operations/bucket-remove.ts";
export type { CheckOptions, CheckReport } from "./operations/check.ts";
export type { Bytes, CoverageReport, EndpointCoverage, GroupCoverage } from "./operations/coverage.ts";
export type { DerivedKit, DeriveOptions } from "./operations/derive-kit.ts";
export type { Diagnosis, DoctorOptions, DoctorReport } from "./operations/doctor.ts";
export type { InspectedReference, InspectReport } from "./operations/inspect.ts";
export type { TrustedKeyReport } from "./operations/keys.ts";
export type { KitEntry, VariantEntry } from "./operations/kits.ts";
export type { LockReport } from "./operations/lock.ts";
export type { ListedFile, Listing } from "./operations/ls.ts";
export type { UnknownReference } from "./operations/match-references.ts";
export type { PruneLine } from "./operations/plan-prune.ts";
export type { SyncPlan } from "./operations/plan-sync.ts";
export type { PruneOptions, PruneReport } from "./operations/prune.ts";
export type { PublishedModel, PublishResult, ToBucketOptions } from "./operations/publish-ports.ts";
export type { WorkflowOptions } from "./operations/read-workflow.ts";
export type { RepairOptions, RepairReport } from "./operations/repair.ts";
export type { Selection, Selectors } from "./operations/select.ts";
export type { SignedFile, SignOptions, SignReport } from "./operations/sign.ts";
export type { SignModelReport } from "./operations/sign-model.ts";
export type { SyncOptions, SyncResult } from "./operations/sync-ports.ts";
export type { Settings } from "./settings.ts";
export type { Finding, FindingStatus } from "./tree/check.ts";
export type { KeySource } from "./trust/key-files.ts";
