/** Which programs of others are on this machine: each found on PATH or by its variable, with its version; absent ones named. */
import { spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { stripVTControlCharacters } from "node:util";

/** How a tool says its version, and what it would take to have it. */
const TOOLS = {
  nginx: { ask: ["-v"], get: "apt-get install nginx-light" },
  cc: { ask: ["--version"], get: "apt-get install gcc libc6-dev" },
  curl: { ask: ["--version"], get: "apt-get install curl" },
  openssl: { ask: ["version"], get: "apt-get install openssl" },
  aria2c: { ask: ["--version"], get: "apt-get install aria2" },
  wget2: { ask: ["--version"], get: "apt-get install wget2" },
  lftp: { ask: ["--version"], get: "apt-get install lftp" },
  rclone: { ask: ["version"], get: "go install github.com/rclone/rclone@latest" },
  s3cmd: { ask: ["--version"], get: "apt-get install s3cmd" },
  s5cmd: { ask: ["version"], get: "go install github.com/peak/s5cmd/v2@latest" },
  pget: { ask: ["version"], get: "go install github.com/replicate/pget@latest" },
  radosgw: { ask: ["--version"], get: "apt-get install radosgw ceph-osd ceph-mon ceph-common" },
  hf: { ask: ["version"], get: "pip install huggingface_hub" },
  ip: { ask: ["-V"], get: "apt-get install iproute2" },
  tc: { ask: ["-V"], get: "apt-get install iproute2" },
} as const;

export type ToolName = keyof typeof TOOLS;

export interface Tool {
  readonly name: ToolName;
  readonly path: string;
  /** The line in which it says so itself. */
  readonly version: string;
}

export interface Tools {
  readonly found: readonly Tool[];
  readonly absent: readonly { readonly name: ToolName; readonly get: string }[];
  /** Its path, or null when it is absent. */
  readonly path: (name: ToolName) => string | null;
}

export function findTools(environment: NodeJS.ProcessEnv): Tools {
  const names = Object.keys(TOOLS) as ToolName[];
  const found = names.flatMap((name) => {
    const path = locate(name, environment);
    return path === null ? [] : [{ name, path, version: versionOf(path, TOOLS[name].ask) }];
  });
  const absent = names.filter((name) => !found.some((tool) => tool.name === name));
  return {
    found,
    absent: absent.map((name) => ({ name, get: TOOLS[name].get })),
    path: (name) => found.find((tool) => tool.name === name)?.path ?? null,
  };
}

/** Debian keeps servers and network tools out of an ordinary user's PATH. */
const MORE_FOLDERS = ["/usr/sbin", "/sbin", "/usr/local/sbin"];

function locate(name: ToolName, environment: NodeJS.ProcessEnv): string | null {
  const told = environment[`BENCH_${name.toUpperCase()}`];
  if (told !== undefined) return isProgram(told) ? told : null;
  const folders = [...(environment["PATH"] ?? "").split(delimiter), ...MORE_FOLDERS];
  return folders.map((folder) => join(folder, name)).find(isProgram) ?? null;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function versionOf(path: string, ask: readonly string[]): string {
  const { stdout, stderr } = spawnSync(path, ask, { encoding: "utf8", timeout: 20_000 });
  const lines = stripVTControlCharacters(`${stdout}\n${stderr}`)
    .split("\n")
    .map((line) => line.trim());
  const saying = (number: RegExp): string | undefined => lines.find((line) => number.test(line));
  return saying(/\d\.\d/) ?? saying(/\d/) ?? "version unknown";
}
