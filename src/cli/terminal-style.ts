/** Decides whether an output gets colour, which signs, and whether lines may be repainted. Pure. */
import type { Environment } from "../base/process.ts";
import type { Paper } from "../report/notices.ts";
import { createStyle } from "../report/style.ts";
import type { Output, Terminal } from "./process.ts";

/** How to write on `output` as it is now. `NO_COLOR` (no-color.org) and `--no-color` win over `FORCE_COLOR`. */
export function paperFor(output: Output, terminal: Pick<Terminal, "args" | "environment">): Paper {
  const { environment, args } = terminal;
  const isRefused = variable(environment, "NO_COLOR") !== "" || args.includes("--no-color");
  const isForced = !["", "0"].includes(variable(environment, "FORCE_COLOR"));
  const isCapable = output.isTerminal && variable(environment, "TERM") !== "dumb";
  return {
    width: output.columns(),
    style: createStyle({
      hasColour: !isRefused && (isForced || isCapable),
      isAscii: output.isTerminal && ["linux", "dumb"].includes(variable(environment, "TERM")),
    }),
  };
}

/** True where lines can be painted over: a terminal that a person looks at. */
export function canRepaint(output: Output, environment: Environment): boolean {
  return output.isTerminal && variable(environment, "TERM") !== "dumb" && variable(environment, "CI") === "";
}

/** The value of `name`; an empty variable is as good as none. */
export function variable(environment: Environment, name: string): string {
  return environment[name] ?? "";
}
