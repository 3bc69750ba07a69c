/** `models __complete`: answers a shell, one candidate a line, then what else the shell should offer. */
import { type CommandSpec, printLines } from "../command.ts";
import { COMMANDS } from "../commands.ts";
import { type Candidate, completeWords } from "../complete.ts";
import { EXIT_DONE } from "../exit-codes.ts";
import type { Models } from "../open-models.ts";
import { withModels } from "../open-models.ts";

export const completeCommand: CommandSpec = {
  arguments: [{ syntax: "[word...]", says: "the command line up to the cursor" }],
  options: [],
  examples: [],
  exits: [],
  run: async (call) => {
    const names =
      (list: (models: Models) => Promise<readonly Candidate[]>) => async (): Promise<readonly Candidate[]> => {
        try {
          return await withModels(call, list);
        } catch {
          // A broken manifest is told by the command itself; at a Tab it would only garble the line.
          return [];
        }
      };
    const { candidates, also } = await completeWords(call.args, COMMANDS, {
      kits: names(async (models) =>
        (await models.kits()).map(({ name, description }) => ({ value: name, says: description })),
      ),
      models: names(async (models) =>
        [...(await models.catalog()).models.values()].map(({ name, path }) => ({ value: name, says: path })),
      ),
    });
    printLines(call, [...candidates.map(({ value, says }) => `${value}\t${says.replace(/\s+/g, " ")}`), `:${also}`]);
    return EXIT_DONE;
  },
};
