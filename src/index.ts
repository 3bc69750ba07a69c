/** The public surface of the library. */
export type { Sha256 } from "./base/artifact.ts";
export type { Clock } from "./base/clock.ts";
export { type ErrorCode, isModelsError, ModelsError, type Problem } from "./base/errors.ts";
export type { Event, FileProgress, MirrorShare, PlanAction, PlanLine, Summary } from "./base/events.ts";
export { createModels, type Models, type ModelsOptions, type ModelsPorts } from "./models.ts";
