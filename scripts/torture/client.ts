/** One process that syncs: the real command line, watched, killed where the plan says so, never left behind. */
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

export interface Ended {
  /** Null for a process that a signal ended. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly events: readonly ClientEvent[];
  /** True when the watchdog had to end it. */
  readonly isHung: boolean;
}

export interface ClientEvent {
  readonly kind: string;
  readonly [key: string]: unknown;
}

export interface Client {
  readonly pid: number;
  readonly isRunning: () => boolean;
  readonly kill: () => void;
  readonly ended: Promise<Ended>;
}

export interface ClientOptions {
  readonly cwd: string;
  readonly environment: Readonly<Record<string, string>>;
  /** After so long it counts as hung, whatever it does. */
  readonly patienceMs: number;
}

/** Processes that run now: whoever ends this program ends them. */
const running = new Set<ChildProcess>();

/** Ends every process that was started here. */
export function endClients(): void {
  for (const child of running) child.kill("SIGKILL");
}

export function startClient({ cwd, environment, patienceMs }: ClientOptions): Client {
  const { PATH = "" } = process.env;
  const child = spawn(process.execPath, [MAIN, "sync", "--kit", "all", "--json"], {
    cwd,
    env: { PATH, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  running.add(child);
  let [stdout, stderr] = ["", ""];
  let isHung = false;
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const watchdog = setTimeout(() => {
    isHung = true;
    child.kill("SIGKILL");
  }, patienceMs);
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      clearTimeout(watchdog);
      running.delete(child);
      resolve({ code, stdout, stderr, events: eventsIn(stdout), isHung });
    });
  });
  return {
    pid: child.pid ?? 0,
    isRunning: () => child.exitCode === null && child.signalCode === null,
    kill: () => void child.kill("SIGKILL"),
    ended,
  };
}

/** A line that a kill cut off is none. */
function eventsIn(stdout: string): readonly ClientEvent[] {
  return stdout.split("\n").flatMap((line): ClientEvent[] => {
    try {
      const value: unknown = JSON.parse(line);
      return typeof value === "object" && value !== null && "kind" in value ? [value as ClientEvent] : [];
    } catch {
      return [];
    }
  });
}
