/** Says what is right and wrong with this box: a report that a person can paste into a bug report. */
import type { Clock } from "../base/clock.ts";
import { redactUrl } from "../base/secret.ts";
import { packageVersion } from "../base/version.ts";
import type { Model } from "../catalog/model.ts";
import type { Settings } from "../settings.ts";
import type { Tree } from "../tree/tree.ts";
import { examineDisk, examineState, examineSystem } from "./examine-box.ts";

/** One thing that was looked at. */
export interface Diagnosis {
  readonly about: "system" | "disk" | "state" | "settings" | "network";
  /** What was looked at: `free space`, `huggingface.co`. */
  readonly name: string;
  readonly status: "ok" | "warn" | "bad";
  readonly says: string;
  /** What to do; absent where all is well. */
  readonly fix?: string;
}

/** What `models doctor --json` prints. */
export interface DoctorReport {
  /** True when nothing is bad. */
  readonly ok: boolean;
  readonly version: string;
  readonly root: string;
  readonly findings: readonly Diagnosis[];
}

export interface DoctorOptions {
  /** Asks nobody. @default false */
  readonly isOffline?: boolean;
  readonly signal?: AbortSignal;
  /** Hears each finding as it is made. */
  readonly onFinding?: (finding: Diagnosis) => void;
}

export interface DoctorPorts {
  readonly tree: Tree;
  readonly clock: Clock;
  readonly settings: Settings;
  /** Models that mirrors are asked for, best first. */
  readonly models: readonly Model[];
}

/** Examines. What cannot be found out is a finding, never an error; the signal's reason is thrown. */
export async function examine(ports: DoctorPorts, options: DoctorOptions = {}): Promise<DoctorReport> {
  const { tree, settings, clock } = ports;
  const { isOffline = false, signal = new AbortController().signal, onFinding } = options;
  const findings: Diagnosis[] = [];
  const add = (finding: Diagnosis): void => {
    findings.push(finding);
    onFinding?.(finding);
  };
  for (const finding of examineSystem()) add(finding);
  for (const finding of await examineDisk(tree, settings.limits.reserveBytes)) add(finding);
  for (const finding of await examineState(tree, clock)) add(finding);
  for (const finding of examineSettings(settings)) add(finding);
  signal.throwIfAborted();
  if (!isOffline) {
    const { examineNetwork } = await import("./examine-network.ts");
    await examineNetwork(ports, { signal, add });
  }
  const ok = findings.every(({ status }) => status !== "bad");
  return { ok, version: packageVersion(), root: tree.root, findings };
}

function examineSettings({ proxy, caFile, hub, civitai, config, hosts, trust }: Settings): readonly Diagnosis[] {
  const about = "settings";
  const unset = hosts.filter(({ secret }) => secret === null);
  return [
    { about, name: "config", status: "ok", says: config ?? "none" },
    { about, name: "proxy", status: "ok", says: proxyText(proxy) },
    { about, name: "extra authorities", status: "ok", says: caFile ?? "none" },
    { about, name: "HF_TOKEN", status: "ok", says: hub.token === null ? "not set" : "set" },
    { about, name: "CIVITAI_TOKEN", status: "ok", says: civitai.token === null ? "not set" : "set" },
    {
      about,
      name: "trusted keys",
      status: "ok",
      says: trust === null ? "none: signatures are not asked for" : String(trust.keys.length),
    },
    ...unset.map(
      ({ host, variable }): Diagnosis => ({
        about,
        name: host,
        status: "warn",
        says: `${variable}, which the config names for it, is not set`,
        fix: `set ${variable}, or take ${host} out of hosts`,
      }),
    ),
  ];
}

/** A proxy's password is nobody's business. */
function proxyText({ http, https, none }: Settings["proxy"]): string {
  const isOne = http?.name === https?.name;
  const shown = [https, isOne ? null : http].flatMap((one) =>
    one === null ? [] : [`${one.name} ${redactUrl(one.value.includes("://") ? one.value : `http://${one.value}`)}`],
  );
  if (none !== null && none !== "") shown.push(`NO_PROXY ${none}`);
  return shown.length === 0 ? "none" : shown.join(", ");
}
