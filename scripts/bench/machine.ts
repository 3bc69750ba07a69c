/** What the figures were measured on: processor, memory, kernel, disk, and how busy others keep it. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { availableParallelism, cpus, loadavg, release, totalmem } from "node:os";
import { formatBytes } from "../../src/base/bytes.ts";
import { packageVersion } from "../../src/base/version.ts";

export interface Machine {
  readonly system: string;
  readonly kernel: string;
  readonly processor: string;
  readonly cores: number;
  readonly memory: string;
  readonly disk: string;
  readonly node: string;
  readonly modelferry: string;
  readonly congestionControl: string;
  readonly load: string;
}

const TMPFS = 0x01021994;

export async function describeMachine(disk: string): Promise<Machine> {
  return {
    system: /^PRETTY_NAME="(.*)"$/m.exec(read("/etc/os-release"))?.[1] ?? process.platform,
    kernel: release(),
    processor: cpus()[0]?.model ?? "unknown",
    cores: availableParallelism(),
    memory: formatBytes(totalmem()),
    disk: await describeDisk(disk),
    node: process.version,
    modelferry: `${packageVersion()}${commit()}`,
    congestionControl: read("/proc/sys/net/ipv4/tcp_congestion_control").trim() || "unknown",
    load: loadavg()
      .map((load) => load.toFixed(1))
      .join(", "),
  };
}

/** True when what is written to `folder` stays in memory: such a folder is no disk. */
export async function isMemory(folder: string): Promise<boolean> {
  return (await statfs(folder)).type === TMPFS;
}

async function describeDisk(folder: string): Promise<string> {
  const { stdout } = spawnSync("df", ["-PT", folder], { encoding: "utf8" });
  const [device = "unknown device", kind = "unknown file system"] = (stdout ?? "").split("\n")[1]?.split(/\s+/) ?? [];
  const { bavail, bsize } = await statfs(folder);
  return `${kind} on ${device}, ${formatBytes(bavail * bsize)} free`;
}

function commit(): string {
  const { stdout, status } = spawnSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" });
  return status === 0 ? ` (${stdout.trim()})` : "";
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
