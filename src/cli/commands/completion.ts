/** `models completion`: prints what makes a shell complete commands, flags, kits and models. */
import { didYouMean } from "../../base/did-you-mean.ts";
import { ModelsError } from "../../base/errors.ts";
import type { CommandSpec } from "../command.ts";
import { completionScript, SHELLS, type Shell } from "../completion-scripts.ts";
import { EXIT_DONE } from "../exit-codes.ts";

export const completionCommand: CommandSpec = {
  arguments: [{ syntax: "<shell>", says: "bash, zsh or fish", completes: SHELLS }],
  options: [],
  examples: [
    { line: "source <(models completion bash)", says: "for this bash; put the line into ~/.bashrc to keep it" },
    {
      line: "models completion zsh > ~/.zsh/completions/_models",
      says: "for every zsh that has this folder in its fpath",
    },
    { line: "models completion fish > ~/.config/fish/completions/models.fish", says: "for every fish" },
  ],
  exits: [],
  run: async ({ args, terminal }) => {
    terminal.stdout.write(completionScript(shellNamed(args[0] ?? "")));
    return EXIT_DONE;
  },
};

function shellNamed(name: string): Shell {
  const shell = SHELLS.find((one) => one === name);
  if (shell !== undefined) return shell;
  throw new ModelsError("USAGE", `Cannot complete for shell "${name}": expected one of ${SHELLS.join(", ")}`, {
    fix: didYouMean(name, SHELLS) ?? "models completion bash",
  });
}
