/** The command line as people run it: a process of its own, from the built files. */
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const { PATH = "" } = process.env;

/** The built entry of the command line. */
export const MAIN: string = fileURLToPath(new URL("../../dist/bin/models.cjs", import.meta.url));

export interface RunOptions {
  /** All variables but PATH; nothing of this process leaks in. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** What standard input holds. @default nothing */
  readonly stdin?: string;
}

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly child: ChildProcess;
  /** Resolves when standard error matches. */
  readonly saw: (pattern: RegExp) => Promise<void>;
  readonly ended: Promise<Ended>;
}

/** Starts `models` with `args`. */
export function startModels(args: readonly string[], options: RunOptions = {}): Running {
  return start(process.execPath, [MAIN, ...args], options);
}

/** Starts any program the same way. */
export function start(program: string, args: readonly string[], { env = {}, cwd = "/", stdin }: RunOptions): Running {
  const child = spawn(program, args, {
    cwd,
    env: { PATH, ...env },
    stdio: [stdin === undefined ? "ignore" : "pipe", "pipe", "pipe"],
  });
  child.stdin?.end(stdin);
  const seen = { stdout: "", stderr: "" };
  const waiting: { readonly pattern: RegExp; readonly resolve: () => void }[] = [];
  for (const name of ["stdout", "stderr"] as const) {
    child[name]?.setEncoding("utf8").on("data", (text: string) => {
      seen[name] += text;
      for (const { pattern, resolve } of waiting) if (pattern.test(seen.stderr)) resolve();
    });
  }
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, ...seen }));
  });
  const saw = (pattern: RegExp): Promise<void> =>
    new Promise((resolve, reject) => {
      if (pattern.test(seen.stderr)) resolve();
      waiting.push({ pattern, resolve });
      void ended.then(() => reject(new Error(`ended without ${pattern}: ${seen.stderr}`)));
    });
  return { child, saw, ended };
}

/** Runs `models` with `args` to its end. */
export function runModels(args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  return startModels(args, options).ended;
}
