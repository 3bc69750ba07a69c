/** Network links with a rate, a delay and loss: the client in a network namespace of its own, shaped by the kernel. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { isProcessAlive } from "../../src/base/process.ts";
import type { Tools } from "./tools.ts";

export interface LinkShape {
  /** Payload bytes a second towards the client, all connections together. */
  readonly bytesPerSecond: number;
  /** Round trip. @default 0 */
  readonly delayMs?: number;
  /** Of packets towards the client. @default 0 */
  readonly lossPercent?: number;
}

export interface Link {
  /** Where the origin must listen. */
  readonly address: string;
  /** Who shapes it, for the report. */
  readonly how: string;
  /** Payload bytes that went towards the client so far. */
  readonly bytes: () => number;
  /** Drops all packets towards the client: what asks now hangs, for neither its own card nor its kernel knows. */
  readonly cut: () => void;
  readonly mend: () => void;
}

export interface Network extends AsyncDisposable {
  /** What a process enters to be the client. */
  readonly namespace: string;
  readonly links: readonly Link[];
}

/** Ethernet, IP and TCP headers with timestamps, around 1,448 bytes of payload in frames of 1,514. */
const WIRE_PER_PAYLOAD = 1514 / 1448;
/** The same without Ethernet: what a tun device sees. */
const PACKET_PER_PAYLOAD = 1500 / 1448;
/** A virtual card counts what TCP hands over in one go, headers once. */
const COUNTED_PER_PAYLOAD = 1.0011;

export interface NetworkPorts {
  readonly tools: Tools;
  /** The compiled wire, or null. */
  readonly wire: string | null;
}

/** Why links cannot be made here, or null when they can. */
export function networkProblem({ tools }: NetworkPorts): string | null {
  if (tools.path("ip") === null || tools.path("tc") === null) return "needs ip and tc (iproute2)";
  if (process.getuid?.() !== 0) return "needs root, to make a network namespace";
  const name = `mfb-try-${process.pid}`;
  const { status, stderr } = spawnSync("ip", ["netns", "add", name], { encoding: "utf8" });
  if (status !== 0) return `the kernel refuses a network namespace: ${stderr.trim()}`;
  spawnSync("ip", ["netns", "del", name]);
  return null;
}

/** Removes what a run that was killed has left: the namespaces of processes that are gone, and of this one. */
export function sweepNetworks(): void {
  const { stdout } = spawnSync("ip", ["netns", "list"], { encoding: "utf8" });
  const pids = [...(stdout ?? "").matchAll(/^mfb-(\d+)/gm)].map((match) => Number(match[1]));
  for (const pid of pids.filter((one) => one === process.pid || !isProcessAlive(one))) {
    // A card goes with its other end, and that goes with the namespace.
    spawnSync("ip", ["netns", "del", `mfb-${pid}`]);
  }
}

/** Makes one link for each shape. RFC 2544 sets 198.18.0.0/15 aside for measuring. */
export async function openNetwork(shapes: readonly LinkShape[], ports: NetworkPorts): Promise<Network> {
  const name = `mfb-${process.pid}`;
  run("ip", "netns", "add", name);
  const helpers: ChildProcess[] = [];
  const close = async (): Promise<void> => {
    for (const helper of helpers) helper.kill("SIGKILL");
    shapes.forEach((_, index) => {
      spawnSync("ip", ["link", "del", deviceName(index)]);
    });
    spawnSync("ip", ["netns", "del", name]);
  };
  try {
    run("ip", "-n", name, "link", "set", "lo", "up");
    const links: Link[] = [];
    for (const [index, shape] of shapes.entries()) links.push(await openLink({ name, index, shape, helpers }, ports));
    return { namespace: `/run/netns/${name}`, links, [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}

interface NewLink {
  /** Of the namespace. */
  readonly name: string;
  readonly index: number;
  readonly shape: LinkShape;
  readonly helpers: ChildProcess[];
}

const deviceName = (index: number): string => `mfb${process.pid % 100_000}s${index}`;
const peerName = (index: number): string => `mfb${process.pid % 100_000}c${index}`;

async function openLink(wanted: NewLink, ports: NetworkPorts): Promise<Link> {
  const { name, index, shape } = wanted;
  const [here, there] = [deviceName(index), peerName(index)];
  const address = `198.18.${index}.1`;
  const isLong = (shape.delayMs ?? 0) > 0;
  const { how, queue } = isLong ? await layLongWire(wanted, ports) : layShortWire(wanted);
  run("ip", "addr", "add", `${address}/30`, "dev", here);
  run("ip", "link", "set", here, "up");
  run("ip", "-n", name, "addr", "add", `198.18.${index}.2/30`, "dev", there);
  run("ip", "-n", name, "link", "set", there, "up");
  // What a mirror's own machine most often runs; a queue of BBR would hide what loss does.
  if (isLong) run("ip", "route", "replace", `198.18.${index}.0/30`, "dev", here, "src", address, "congctl", "cubic");
  if (!how.startsWith("tun")) introduce(wanted, address);
  const perPayload = how.startsWith("tun") ? PACKET_PER_PAYLOAD : COUNTED_PER_PAYLOAD;
  const counter = `/sys/class/net/${here}/statistics/tx_bytes`;
  return {
    address,
    how,
    bytes: () => Number(readFileSync(counter, "utf8")) / perPayload,
    cut: () => run("tc", "qdisc", "replace", "dev", here, "root", "pfifo", "limit", "0"),
    mend: () => run("tc", "qdisc", "replace", "dev", here, "root", ...queue),
  };
}

/** Tells the client for good which card has `address`: on a real way the next router still answers when a mirror is silent. */
function introduce({ name, index }: NewLink, address: string): void {
  const card = readFileSync(`/sys/class/net/${deviceName(index)}/address`, "utf8").trim();
  run("ip", "-n", name, "neigh", "replace", address, "lladdr", card, "dev", peerName(index), "nud", "permanent");
}

interface Wire {
  /** Who shapes it, for the report. */
  readonly how: string;
  /** What tc is told of the queue on the origin's side. */
  readonly queue: readonly string[];
}

/** A pair of virtual cards with the kernel's token bucket on the origin's side. */
function layShortWire({ name, index, shape }: NewLink): Wire {
  const [here, there] = [deviceName(index), peerName(index)];
  run("ip", "link", "add", here, "type", "veth", "peer", "name", there, "netns", name);
  const rate = `${Math.round(shape.bytesPerSecond * WIRE_PER_PAYLOAD)}bps`;
  const queue = ["tbf", "rate", rate, "burst", "256kb", "latency", "50ms"];
  run("tc", "qdisc", "add", "dev", here, "root", ...queue);
  return { how: "veth, tc tbf", queue };
}

/** netem where the kernel has it; our own packet relay over tun devices otherwise. */
async function layLongWire(wanted: NewLink, { wire }: NetworkPorts): Promise<Wire> {
  const { name, index, shape, helpers } = wanted;
  const [here, there] = [deviceName(index), peerName(index)];
  const { bytesPerSecond, delayMs = 0, lossPercent = 0 } = shape;
  const netem = tryNetem(wanted);
  if (netem !== null) return { how: "veth, tc netem", queue: netem };
  if (wire === null) throw new Error("the kernel has no netem, and our own wire needs a C compiler");
  const rate = String(Math.round(bytesPerSecond * PACKET_PER_PAYLOAD));
  const args = [`/run/netns/${name}`, here, there, String(delayMs / 2), String(lossPercent), rate];
  const helper = spawn(wire, args, { stdio: ["ignore", "pipe", "inherit"] });
  helpers.push(helper);
  await new Promise<void>((resolve, reject) => {
    helper.stdout.once("data", () => resolve());
    helper.once("exit", (code) => reject(new Error(`wire ended with ${code}`)));
  });
  const queue = ["pfifo", "limit", "10000"];
  run("tc", "qdisc", "replace", "dev", here, "root", ...queue);
  return { how: "tun, the benchmark's own packet relay (this kernel has no netem)", queue };
}

/** What tc was told of the queue on the origin's side, or null where the kernel has no netem. */
function tryNetem({ name, index, shape }: NewLink): readonly string[] | null {
  const [here, there] = [deviceName(index), peerName(index)];
  run("ip", "link", "add", here, "type", "veth", "peer", "name", there, "netns", name);
  const half = `${(shape.delayMs ?? 0) / 2}ms`;
  const rate = `${Math.round(shape.bytesPerSecond * WIRE_PER_PAYLOAD * 8)}bit`;
  const queue = ["netem", "delay", half, "loss", `${shape.lossPercent ?? 0}%`, "rate", rate, "limit", "20000"];
  const isDown = spawnSync("tc", ["qdisc", "add", "dev", here, "root", ...queue]).status === 0;
  const up = ["-n", name, "qdisc", "add", "dev", there, "root", "netem", "delay", half, "limit", "20000"];
  if (isDown && spawnSync("tc", up).status === 0) return queue;
  run("ip", "link", "del", here);
  return null;
}

function run(command: string, ...args: readonly string[]): void {
  const { status, stderr } = spawnSync(command, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${stderr.trim()}`);
}
