/** `models mirror`: copies models from their mirrors into a bucket. */
import type { CommandSpec } from "../command.ts";
import { EXIT_INTEGRITY, EXIT_LOCKED } from "../exit-codes.ts";
import { MODEL_ARGUMENT, PICKLE_OPTION, SELECT_OPTIONS, TO_BUCKET_OPTIONS } from "../options.ts";
import { requireSelection, writtenSelection } from "../selection.ts";
import { runToBucket, toBucketOptions } from "../to-bucket.ts";

export const mirrorCommand: CommandSpec = {
  arguments: [MODEL_ARGUMENT],
  options: [...SELECT_OPTIONS, ...TO_BUCKET_OPTIONS, PICKLE_OPTION],
  examples: [
    {
      line: "models mirror --kit flux --to r2://comfyui-models",
      says: "a whole kit, from the Hub and wherever else it is",
    },
    { line: "models mirror --kit flux --to r2://comfyui-models --dry-run", says: "what the bucket lacks" },
    { line: "models mirror ae --to r2://comfyui-models --layout sha256", says: "one model, named by its content" },
  ],
  exits: [EXIT_INTEGRITY, EXIT_LOCKED],
  notes: [
    "Bytes go through memory, never to this disk; an object comes into being only when the digest of all of it is right.",
    "Run again after an interruption: parts that the bucket has are not sent again.",
  ],
  run: (call) =>
    runToBucket(call, async (models, onEvent) => {
      const selection = await writtenSelection(call);
      await requireSelection(selection, "mirror", () => models.kits());
      return await models.mirror({ ...selection, ...toBucketOptions(call), onEvent });
    }),
};
