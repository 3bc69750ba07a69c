/** The origin of every case: a Debian nginx with plain settings, on the addresses and with the paces that a case asks for. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../src/base/clock.ts";
import type { Authority } from "../../tests/origins/certificate.ts";
import { childrenOf } from "./load.ts";

export interface NginxSettings {
  readonly nginx: string;
  /** What is served. */
  readonly folder: string;
  /** @default "127.0.0.1" */
  readonly address?: string;
  /** Serve TLS with a certificate of this authority. */
  readonly authority?: Authority;
  /** Pace each connection; needs the compiled library. */
  readonly pace?: Pace;
}

/** How fast the kernel lets one connection be, in bytes a second. */
export interface Pace {
  readonly library: string;
  readonly bytesPerSecond: number;
  /** Each `every`-th connection gets this instead. */
  readonly straggler?: { readonly every: number; readonly bytesPerSecond: number };
}

export interface Nginx extends AsyncDisposable {
  /** No slash at the end. */
  readonly url: string;
  readonly address: string;
  readonly port: number;
  /** Its processes, master first. */
  readonly pids: () => readonly number[];
  /** Ends it as a crash would. */
  readonly kill: () => void;
}

const WORKERS = 2;
const START_MS = 5_000;

/** Starts one nginx of its own on a free port. */
export async function startNginx(settings: NginxSettings): Promise<Nginx> {
  const { address = "127.0.0.1" } = settings;
  const home = await mkdtemp(join(tmpdir(), "modelferry-nginx-"));
  const port = await freePort(address);
  const config = join(home, "nginx.conf");
  await writeFile(config, configText(settings, { home, address, port, tls: await writeTls(settings, home) }));
  const child = spawn(settings.nginx, ["-e", join(home, "error.log"), "-p", home, "-c", config], {
    stdio: "ignore",
    env: { ...process.env, ...paceVariables(settings.pace, port) },
  });
  // A benchmark that is interrupted must not leave its servers behind.
  const orphan = (): boolean => child.kill("SIGTERM");
  process.once("exit", orphan);
  const end = async (): Promise<void> => {
    process.off("exit", orphan);
    await ended(child);
    await rm(home, { recursive: true, force: true });
  };
  try {
    await listening(address, port);
  } catch (error) {
    const log = await readFile(join(home, "error.log"), "utf8").catch(() => "");
    await end();
    throw new Error(`nginx did not start: ${log.trim()}`, { cause: error });
  }
  const scheme = settings.authority === undefined ? "http" : "https";
  return {
    url: `${scheme}://${address}:${port}`,
    address,
    port,
    pids: () => (child.pid === undefined ? [] : [child.pid, ...childrenOf(child.pid)]),
    kill: () => killAll(child),
    [Symbol.asyncDispose]: end,
  };
}

interface Place {
  readonly home: string;
  readonly address: string;
  readonly port: number;
  readonly tls: string;
}

function configText({ folder, authority }: NginxSettings, { home, address, port, tls }: Place): string {
  return `${process.getuid?.() === 0 ? "user root;" : ""}
daemon off;
pid ${home}/pid;
error_log ${home}/error.log;
worker_processes ${WORKERS};
events { worker_connections 2048; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000;
  autoindex on;
  client_body_temp_path ${home}/body; proxy_temp_path ${home}/proxy; fastcgi_temp_path ${home}/fastcgi;
  uwsgi_temp_path ${home}/uwsgi; scgi_temp_path ${home}/scgi;
  ${tls}
  server {
    listen ${address}:${port}${authority === undefined ? "" : " ssl"} backlog=1024;
    root ${folder};
  }
}
`;
}

/** Sessions are kept, as every server out there does; all else is nginx's default. */
async function writeTls({ authority, address = "127.0.0.1" }: NginxSettings, home: string): Promise<string> {
  if (authority === undefined) return "";
  const { key, cert } = await authority.certify([address, "localhost"]);
  await writeFile(join(home, "key.pem"), key, { mode: 0o600 });
  await writeFile(join(home, "cert.pem"), cert);
  return `ssl_certificate ${home}/cert.pem; ssl_certificate_key ${home}/key.pem;
  ssl_protocols TLSv1.2 TLSv1.3; ssl_session_cache shared:bench:1m;`;
}

function paceVariables(pace: Pace | undefined, port: number): NodeJS.ProcessEnv {
  if (pace === undefined) return {};
  const slow = pace.straggler === undefined ? "" : `/${pace.straggler.every}=${pace.straggler.bytesPerSecond}`;
  return { LD_PRELOAD: pace.library, BENCH_PACE: `${port}=${pace.bytesPerSecond}${slow}` };
}

/** A port that was free a moment ago. */
export function freePort(address: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().on("error", reject);
    server.listen(0, address, () => {
      const found = server.address();
      server.close(() => resolve(typeof found === "object" && found !== null ? found.port : 0));
    });
  });
}

async function listening(address: string, port: number): Promise<void> {
  const deadline = systemClock.monotonicMs() + START_MS;
  while (!(await answers(address, port))) {
    if (systemClock.monotonicMs() > deadline) throw new Error(`nothing listens on ${address}:${port}`);
    await systemClock.sleep(20);
  }
}

function answers(address: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port });
    socket.on("connect", () => resolve(true)).on("error", () => resolve(false));
    socket.on("connect", () => socket.destroy());
  });
}

function killAll(child: ChildProcess): void {
  if (child.pid === undefined) return;
  for (const pid of [child.pid, ...childrenOf(child.pid)]) process.kill(pid, "SIGKILL");
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const over = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  await over;
}
