/** One run of the command line, from arguments to exit code. */
import { systemClock } from "../base/clock.ts";
import { ModelsError } from "../base/errors.ts";
import { packageVersion } from "../base/version.ts";
import { COMMANDS, HIDDEN_COMMANDS } from "./commands.ts";
import { EXIT_INTERRUPTED, type ExitCode } from "./exit-codes.ts";
import { runFrame } from "./frame.ts";
import { errorLines, errorObject, exitCodeOfError } from "./print-error.ts";
import type { Terminal } from "./process.ts";
import { paperFor, variable } from "./terminal-style.ts";

/** Does what the arguments say; whatever goes wrong is printed and becomes the exit code. */
export async function runCommandLine(terminal: Terminal): Promise<ExitCode> {
  const interrupt = new AbortController();
  const [out, err] = [paperFor(terminal.stdout, terminal), paperFor(terminal.stderr, terminal)];
  const fail = (error: unknown): ExitCode => end(interrupt.signal.aborted ? interrupt.signal.reason : error, terminal);
  terminal.onInterrupt((signal) => interrupt.abort(interruptedBy(signal)));
  terminal.onCrash((error) => terminal.exit(fail(error)));
  try {
    const exit = await runFrame(terminal.args, {
      commands: COMMANDS,
      hidden: HIDDEN_COMMANDS,
      version: packageVersion(),
      out,
      err,
      stdout: terminal.stdout,
      stderr: terminal.stderr,
      run: (_entry, spec, args, flags) =>
        spec.run({
          args,
          flags,
          terminal,
          clock: systemClock,
          signal: interrupt.signal,
          tell: (error) => tell(error, terminal),
          out,
          err,
        }),
    });
    return interrupt.signal.aborted ? EXIT_INTERRUPTED : exit;
  } catch (error) {
    return fail(error);
  }
}

/** With `--json` also on standard output, so that a reader always gets JSON. */
function end(error: unknown, terminal: Terminal): ExitCode {
  tell(error, terminal);
  if (terminal.args.includes("--json")) {
    terminal.stdout.write(`${JSON.stringify({ ok: false, error: errorObject(error) })}\n`);
  }
  return exitCodeOfError(error);
}

function interruptedBy(signal: string): ModelsError {
  const what = signal === "SIGINT" ? "Ctrl-C" : signal;
  return new ModelsError("INTERRUPTED", `Interrupted by ${what}: what is on the disk is kept`, {
    fix: "run the same command again, the next run resumes",
  });
}

/** On standard error for a person. */
function tell(error: unknown, terminal: Terminal): void {
  const isDebug = variable(terminal.environment, "MODELS_DEBUG") !== "";
  const lines = errorLines(error, paperFor(terminal.stderr, terminal), isDebug);
  terminal.stderr.write(lines.map((line) => `${line}\n`).join(""));
}
