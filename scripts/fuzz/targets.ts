/** Every reader of something from outside that the fuzzer tries. */
import { ANSWER_TARGETS } from "./targets/answers.ts";
import { CATALOG_TARGETS } from "./targets/catalog.ts";
import { STATE_TARGETS } from "./targets/state.ts";
import { TRUST_TARGETS } from "./targets/trust.ts";
import { WEIGHTS_TARGETS } from "./targets/weights.ts";
import { WORKFLOW_TARGETS } from "./targets/workflows.ts";
import type { Target } from "./terms.ts";

export const TARGETS: readonly Target[] = [
  ...CATALOG_TARGETS,
  ...STATE_TARGETS,
  ...TRUST_TARGETS,
  ...WEIGHTS_TARGETS,
  ...ANSWER_TARGETS,
  ...WORKFLOW_TARGETS,
];
