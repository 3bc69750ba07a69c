/** The only file of the command line that touches the process: streams, arguments, signals, the exit. */
import type { Environment } from "../base/process.ts";
import { EXIT_INTERRUPTED, type ExitCode } from "./exit-codes.ts";

/** Standard output or standard error. */
export interface Output {
  /** Never throws: when the reader is gone (`| head`), what is written is dropped and the work goes on. */
  readonly write: (text: string) => void;
  readonly isTerminal: boolean;
  /** Columns now; null for a pipe or a file. */
  readonly columns: () => number | null;
  readonly rows: () => number | null;
  /** Calls `listen` when the terminal has another size. */
  readonly onResize: (listen: () => void) => void;
  /** For the one library that repaints. */
  readonly stream: NodeJS.WritableStream;
}

/** What a command sees of the process. */
export interface Terminal {
  /** Without the interpreter and the script. */
  readonly args: readonly string[];
  readonly environment: Environment;
  readonly workingFolder: string;
  readonly stdout: Output;
  readonly stderr: Output;
  /** Calls `listen` on the first Ctrl-C or SIGTERM; the second one quits at once. */
  readonly onInterrupt: (listen: (signal: string) => void) => void;
  /** Calls `listen` with an error that nobody caught, or when nothing is left that the work could still wait for. */
  readonly onCrash: (listen: (error: unknown) => void) => void;
  /** All of standard input. */
  readonly readStdin: () => Promise<Uint8Array>;
  /** Waits until both outputs are written, then ends the process. */
  readonly exit: (code: ExitCode) => Promise<never>;
}

/** The process that this is. */
export function createTerminal(): Terminal {
  return {
    args: process.argv.slice(2),
    environment: process.env,
    workingFolder: process.cwd(),
    stdout: createOutput(process.stdout),
    stderr: createOutput(process.stderr),
    onInterrupt: listenOnce,
    onCrash: (listen) => {
      process.on("uncaughtException", listen);
      process.on("unhandledRejection", listen);
      // Node would end with 0, and who called would take for done what was not.
      process.on("beforeExit", () => listen(new Error("end: the work is not done, and nothing is under way any more")));
    },
    readStdin,
    exit: async (code) => {
      await Promise.all([flush(process.stdout), flush(process.stderr)]);
      process.exit(code);
    },
  };
}

function createOutput(stream: NodeJS.WriteStream): Output {
  let isOpen = true;
  stream.on("error", () => {
    isOpen = false;
  });
  return {
    write: (text) => {
      if (isOpen && text !== "") stream.write(text);
    },
    isTerminal: stream.isTTY === true,
    columns: () => (stream.isTTY ? stream.columns || 80 : null),
    rows: () => (stream.isTTY ? stream.rows || 24 : null),
    onResize: (listen) => {
      stream.on("resize", listen);
    },
    stream,
  };
}

function listenOnce(listen: (signal: string) => void): void {
  let isSecond = false;
  const onSignal = (signal: string): void => {
    if (isSecond) process.exit(EXIT_INTERRUPTED);
    isSecond = true;
    listen(signal);
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
}

async function readStdin(): Promise<Uint8Array> {
  const parts: Buffer[] = [];
  for await (const part of process.stdin) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

/** Resolves when all that was written has left the process, or can no longer. */
function flush(stream: NodeJS.WriteStream): Promise<void> {
  if (stream.destroyed || stream.errored !== null) return Promise.resolve();
  return new Promise((resolve) => {
    stream.once("error", () => resolve());
    stream.write("", () => resolve());
  });
}
