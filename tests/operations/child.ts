/** Runs JavaScript against the built library in a process of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const { PATH = "" } = process.env;

/** The built entry, as an import specifier. */
const BUILT = new URL("../../dist/index.js", import.meta.url).href;

export interface Child {
  readonly process: ChildProcess;
  /** Calls `listen` with each line of standard output. */
  readonly onLine: (listen: (line: string) => void) => void;
  readonly ended: Promise<{ readonly code: number | null; readonly out: string; readonly err: string }>;
}

export interface ChildOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** What the program reads. @default nothing */
  readonly input?: string;
  /** Flags of Node itself. */
  readonly nodeFlags?: readonly string[];
}

/** Starts `code`, an ES module in which `createModels`, `preload` and `BOX` (parsed from `box`) are there. */
export function runChild(code: string, box: unknown, options: ChildOptions = {}): Child {
  const text = `import { createModels, preload } from ${JSON.stringify(BUILT)};
    const BOX = JSON.parse(process.env.BOX); ${code}`;
  const flags = [...(options.nodeFlags ?? []), "--input-type=module", "--eval", text];
  return watch(
    spawn(process.execPath, flags, {
      cwd: options.cwd ?? fileURLToPath(new URL("../..", import.meta.url)),
      env: { PATH, BOX: JSON.stringify(box), ...options.env },
      stdio: ["ignore", "pipe", "pipe"],
    }),
  );
}

/** Starts a program. */
export function runProgram(program: string, args: readonly string[], options: ChildOptions = {}): Child {
  const { cwd, input = "" } = options;
  const child = spawn(program, args, { cwd, env: { PATH, ...options.env }, stdio: ["pipe", "pipe", "pipe"] });
  child.stdin.on("error", () => undefined);
  child.stdin.end(input);
  return watch(child);
}

function watch(child: ChildProcess): Child {
  let [out, err, rest] = ["", "", ""];
  const listeners: ((line: string) => void)[] = [];
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    out += text;
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) for (const listen of listeners) listen(line);
  });
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    err += text;
  });
  const ended = new Promise<{ code: number | null; out: string; err: string }>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, out, err }));
  });
  return { process: child, onLine: (listen) => listeners.push(listen), ended };
}
