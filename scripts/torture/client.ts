/** One real process of the command line: started, listened to, and killed by its number. */
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Event } from "../../src/base/events.ts";

const MAIN = fileURLToPath(new URL("../../dist/bin/models.cjs", import.meta.url));

/** What `--json` says at the end. */
type LastLine = Extract<Event, { kind: "summary" }> & { readonly error?: { readonly code: string } };

export interface ClientEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Client {
  readonly pid: number;
  readonly startedMs: number;
  readonly isPlain: boolean;
  /** Null while it runs. */
  readonly end: () => ClientEnd | null;
  readonly ended: Promise<ClientEnd>;
  readonly output: () => { readonly out: string; readonly err: string };
  /** The last line of `--json`, once it has ended by itself. */
  readonly summary: () => LastLine | null;
  /** Files under way: begun, and neither finished nor failed. */
  readonly holds: () => ReadonlySet<string>;
  /** Files whose lock another process has. */
  readonly waitsFor: () => ReadonlySet<string>;
  readonly kill: () => void;
}

export interface ClientOptions {
  readonly folder: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly isPlain: boolean;
  readonly onEvent: (event: Event) => void;
}

const running = new Set<ChildProcess>();

/** Ends every client that still runs, at once. */
export function killClients(): void {
  for (const child of running) child.kill("SIGKILL");
}

/** Starts `models sync` of everything in the world's folder. */
export function startClient(options: ClientOptions): Client {
  const startedMs = performance.now();
  const child = spawnClient(options);
  const seen = { out: "", err: "" };
  const under = createUnderWay();
  let end: ClientEnd | null = null;
  const ended = new Promise<ClientEnd>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => {
      running.delete(child);
      end = { code, signal };
      resolve(end);
    });
  });
  const hear = linesTo((line) => {
    const event = JSON.parse(line) as Event;
    under.hear(event);
    options.onEvent(event);
  });
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    seen.out += text;
    if (!options.isPlain) hear(text);
  });
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    seen.err += text;
  });
  return {
    pid: child.pid ?? 0,
    startedMs,
    isPlain: options.isPlain,
    end: () => end,
    ended,
    output: () => seen,
    summary: () => lastLine(seen.out),
    holds: () => under.holds,
    waitsFor: () => under.waitsFor,
    kill: () => {
      child.kill("SIGKILL");
    },
  };
}

function spawnClient({ folder, environment, isPlain }: ClientOptions): ChildProcess {
  const { PATH = "" } = process.env;
  const child = spawn(process.execPath, [MAIN, "sync", "--kit", "all", ...(isPlain ? [] : ["--json"])], {
    cwd: folder,
    env: { PATH, ...environment, ...(isPlain ? { MODELS_DEBUG: "1" } : {}) },
    stdio: ["ignore", "pipe", "pipe"],
  });
  running.add(child);
  return child;
}

/** What a client's events say that it does now. */
function createUnderWay() {
  const holds = new Set<string>();
  const waitsFor = new Set<string>();
  return {
    holds,
    waitsFor,
    hear: (event: Event): void => {
      if (event.kind === "file-started") holds.add(event.model);
      if (event.kind === "waiting" && event.on === "lock" && event.model !== null) waitsFor.add(event.model);
      if (event.kind === "file-started" || event.kind === "file-finished") waitsFor.delete(event.model);
      if (event.kind === "file-finished" || event.kind === "file-failed") holds.delete(event.model);
    },
  };
}

/** Calls `hear` with each whole line of what it is given; a line that a kill tore is not heard. */
function linesTo(hear: (line: string) => void): (text: string) => void {
  let rest = "";
  return (text) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line !== "") hear(line);
  };
}

function lastLine(out: string): LastLine | null {
  const line = out.trimEnd().split("\n").at(-1) ?? "";
  return line.startsWith('{"kind":"summary"') ? (JSON.parse(line) as LastLine) : null;
}
