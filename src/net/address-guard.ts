/** Which network addresses a mirror may lead to: a redirect must not reach into the network that this box stands in. */
import { BlockList, isIP, type LookupFunction } from "node:net";
import { ModelsError } from "../base/errors.ts";
import type { Resolve } from "./resolver.ts";

export interface GuardOptions {
  /** True when the configured source itself is in a private network, so that others there are fine. */
  readonly mayBePrivate: boolean;
}

/** Not reachable over the public internet (IANA special-purpose address registries). */
const PRIVATE: readonly (readonly [string, number])[] = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["224.0.0.0", 4],
  ["240.0.0.0", 4],
  ["::", 128],
  ["::1", 128],
  ["64:ff9b:1::", 48],
  ["fc00::", 7],
  ["fe80::", 10],
  ["fec0::", 10],
  ["ff00::", 8],
];

/** Where clouds keep the credentials of a machine: never a mirror, whoever says so. */
const METADATA: readonly (readonly [string, number])[] = [
  ["169.254.169.254", 32],
  ["169.254.170.2", 32],
  ["169.254.170.23", 32],
  ["100.100.100.200", 32],
  ["192.0.0.192", 32],
  ["fd00:ec2::254", 128],
  ["fd00:ec2::23", 128],
  ["fd20:ce::254", 128],
];

const privateList = blockList(PRIVATE);
const metadataList = blockList(METADATA);

/** True for loopback, link-local, private, unspecified, multicast, reserved and IPv4-mapped addresses. */
export function isPrivateAddress(address: string): boolean {
  return inList(privateList, address) || isMapped(address);
}

/** True when `hostname` by itself, without asking the DNS, is this box or a private address. */
export function isPrivateName(hostname: string): boolean {
  const bare = bareHost(hostname);
  return isIP(bare) !== 0 ? isPrivateAddress(bare) : /^(.+\.)?localhost$/i.test(bare);
}

/** Why `address` may not be connected to, or null when it may. */
export function addressProblem(address: string, options: GuardOptions): string | null {
  if (inList(metadataList, address)) return `${address} is where a cloud keeps credentials`;
  if (!options.mayBePrivate && isPrivateAddress(address)) return `${address} is not a public address`;
  return null;
}

/**
 * Judges a host that is written as an address, which no lookup will see. A name passes: its addresses are judged
 * by {@link guardedLookup} when it is connected to.
 * @throws ModelsError `MIRROR_LIED`
 */
export function assertHostAllowed(hostname: string, options: GuardOptions): void {
  const bare = bareHost(hostname);
  const problem = isIP(bare) === 0 ? nameProblem(bare, options) : addressProblem(bare, options);
  if (problem !== null) throw refusal(bare, problem);
}

const nameProblem = (name: string, options: GuardOptions): string | null =>
  !options.mayBePrivate && isPrivateName(name) ? `${name} is this very box` : null;

/**
 * A `lookup` for sockets that gives only addresses that may be connected to. It runs as part of the connect itself,
 * so a name cannot be public when it is judged and private when it is used.
 * Fails the connect with `MIRROR_LIED`.
 */
export function guardedLookup(options: GuardOptions, resolve: Resolve): LookupFunction {
  return (hostname, asked, done) => {
    const family = typeof asked.family === "number" ? { family: asked.family } : {};
    const hints = asked.hints === undefined ? {} : { hints: asked.hints };
    resolve(hostname, { all: true, ...family, ...hints }, (error, found) => {
      const first = found?.[0];
      if (error !== null || first === undefined) {
        done(error ?? new Error(`no address for ${hostname}`), "", 0);
        return;
      }
      const problem = found.map(({ address }) => addressProblem(address, options)).find((one) => one !== null);
      if (problem !== undefined) done(refusal(hostname, problem ?? ""), "", 0);
      else if (asked.all === true) done(null, [...found]);
      else done(null, first.address, first.family);
    });
  };
}

/** True when `hostname` is private by name or when the DNS of this box says so; a name that does not resolve is not. */
export async function leadsToPrivate(hostname: string, resolve: Resolve): Promise<boolean> {
  const bare = bareHost(hostname);
  if (isPrivateName(bare)) return true;
  if (isIP(bare) !== 0) return false;
  return new Promise((answer) => {
    resolve(bare, { all: true }, (error, found) => {
      answer(error === null && found.some(({ address }) => isPrivateAddress(address)));
    });
  });
}

const refusal = (hostname: string, problem: string): ModelsError =>
  new ModelsError("MIRROR_LIED", `Cannot connect to "${hostname}": ${problem}, expected a public mirror`, {
    fix: "name the private host itself as the source if the file is meant to come from there",
  });

/** Without the brackets of an IPv6 literal and the final dot of a full name. */
const bareHost = (hostname: string): string => hostname.replace(/^\[(.*)\]$/, "$1").replace(/\.$/, "");

function inList(list: BlockList, address: string): boolean {
  const bare = address.replace(/%.*$/, "");
  const embedded = embeddedV4(bare);
  if (embedded !== null && list.check(embedded, "ipv4")) return true;
  return list.check(bare, familyOf(bare));
}

// Not a subnet of the list: a BlockList takes every IPv4 address for its mapped form. Nothing public is written so.
const isMapped = (address: string): boolean => {
  const groups = groupsOf(address.replace(/%.*$/, ""));
  return groups !== null && groups[5] === 0xffff && groups.slice(0, 5).every((group) => group === 0);
};

/** The IPv4 address inside a NAT64 (`64:ff9b::/96`) or 6to4 (`2002::/16`) address, which leads to that address. */
function embeddedV4(address: string): string | null {
  const groups = groupsOf(address);
  if (groups === null) return null;
  const isNat64 = groups[0] === 0x64 && groups[1] === 0xff9b && groups.slice(2, 6).every((group) => group === 0);
  const pair = isNat64 ? groups.slice(6, 8) : groups[0] === 0x2002 ? groups.slice(1, 3) : null;
  return pair === null ? null : pair.flatMap((group) => [group >> 8, group & 0xff]).join(".");
}

/** The eight groups of an IPv6 address, or null for another. */
function groupsOf(address: string): readonly number[] | null {
  if (familyOf(address) === "ipv4") return null;
  const text = new URL(`http://[${address}]/`).hostname.slice(1, -1);
  const [left = "", right = ""] = text.split("::");
  const [before, after] = [left, right].map((side) => (side === "" ? [] : side.split(":"))) as [string[], string[]];
  const middle = text.includes("::") ? Array<string>(8 - before.length - after.length).fill("0") : [];
  return [...before, ...middle, ...after].map((group) => Number.parseInt(group, 16));
}

/** The family of an address. What Node asks of a text that may be anything takes 5 ms to compile, in each thread (measured). */
function familyOf(address: string): "ipv4" | "ipv6" {
  return address.includes(":") ? "ipv6" : "ipv4";
}

function blockList(subnets: readonly (readonly [string, number])[]): BlockList {
  const list = new BlockList();
  for (const [address, prefix] of subnets) list.addSubnet(address, prefix, familyOf(address));
  return list;
}
