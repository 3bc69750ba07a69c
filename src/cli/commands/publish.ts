/** `models publish`: puts models and files into a bucket. */
import type { CommandSpec } from "../command.ts";
import { EXIT_INTEGRITY, EXIT_LOCKED } from "../exit-codes.ts";
import { SELECT_OPTIONS, TO_BUCKET_OPTIONS } from "../options.ts";
import { writtenSelection } from "../selection.ts";
import { runToBucket, toBucketOptions } from "../to-bucket.ts";

export const publishCommand: CommandSpec = {
  arguments: [
    { syntax: "[what...]", says: "files, or models by name, path in the tree or file name", completes: "file" },
  ],
  options: [
    ...SELECT_OPTIONS,
    { flags: "--all", says: "every model of the catalogue that is on this box" },
    { flags: "--name <name>", says: "what the one file is to be called (else from its own name)" },
    { flags: "--path <path>", says: "where the one file belongs in a tree (else told by its header)" },
    ...TO_BUCKET_OPTIONS,
  ],
  examples: [
    { line: "models publish --kit flux --to r2://comfyui-models", says: "a whole kit, from the models folder" },
    {
      line: "models publish ./my-style.safetensors --to r2://comfyui-models --manifest my-manifests/loras.yaml",
      says: "a file of your own, with a new entry",
    },
    { line: "models publish --all --to r2://comfyui-models --dry-run", says: "what the bucket lacks" },
    { line: "models publish flux1-schnell --to r2://comfyui-models --verify all", says: "and read every byte back" },
  ],
  exits: [EXIT_INTEGRITY, EXIT_LOCKED],
  notes: [
    "What was sent before Ctrl-C, a crash or a power cut is kept: run it again and it goes on there.",
    "What is in the bucket already, of the same size and digest, is not sent again; another content under the same key is refused without --force.",
    "Keys of R2 come from R2_ACCOUNT_ID, R2_ACCESS_KEY_ID and R2_SECRET_ACCESS_KEY, of S3 from the AWS variables, or as models.config.yaml says.",
  ],
  run: (call) =>
    runToBucket(call, async (models, onEvent) => {
      const { all = false, name, path } = call.flags;
      const selection = await writtenSelection(call);
      return await models.publish({ ...selection, ...toBucketOptions(call), all, name, path, onEvent });
    }),
};
