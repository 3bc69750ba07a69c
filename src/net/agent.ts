/** The connections of the control plane and of general lanes: who is trusted, through which proxy, to which addresses. */
import type { LookupFunction } from "node:net";
import type { SecureContext } from "node:tls";
import type { Dispatcher } from "undici";
import { readBoundedText } from "../base/bounded-file.ts";
import { variableOf } from "../base/environment.ts";
import { ModelsError } from "../base/errors.ts";
import { processEnvironment } from "../base/process.ts";
import { assertHostAllowed } from "./address-guard.ts";
import type { ProxyVariables } from "./lane-protocol.ts";
import { proxyFor } from "./proxy.ts";
import { trustContext } from "./trust.ts";
import { Agent, Pool } from "./undici.ts";
import { viaProxy } from "./via-proxy.ts";

export interface AgentSettings {
  /** PEM text of authorities to trust beside the built-in ones, or null. */
  readonly extraCa: string | null;
  readonly proxy: ProxyVariables;
  /** Whether addresses in a private network are fine. */
  readonly mayBePrivate: boolean;
  /** Judges the addresses of names at the moment of the connect; see `guardedLookup`. */
  readonly lookup: LookupFunction;
  /** @default 10 000 */
  readonly connectTimeoutMs?: number;
  /** Time until the head of an answer, and between two parts of its body. @default 20 000 */
  readonly idleTimeoutMs?: number;
  /** Connections to one origin at a time; the rest of its requests wait for one of them. @default 16 */
  readonly connections?: number;
}

/** Bytes of a file of certificate authorities; all of the public ones together have 250 kB. */
const MAX_CA_BYTES = 16 * 1024 * 1024;
const CONNECTIONS = 16;
/** Before the next address of a name is tried. Node's own 250 ms give up on hosts that are merely far away. */
const ATTEMPT_MS = 1000;

/**
 * A dispatcher that goes directly or through the proxy, origin by origin. Certificates are always verified.
 * Behind a proxy names are resolved by the proxy, so there only literal addresses can be judged.
 */
export function createAgent(settings: AgentSettings): Dispatcher {
  const { connectTimeoutMs = 10_000, idleTimeoutMs = 20_000, connections = CONNECTIONS } = settings;
  // Made by the first origin that needs it: it costs 20 ms, and 250 with a whole bundle of authorities.
  let context: SecureContext | null = null;
  const trust = (): { readonly secureContext: SecureContext } => {
    context ??= trustContext(settings.extraCa);
    return { secureContext: context };
  };
  const shared = {
    timeout: connectTimeoutMs,
    autoSelectFamily: true,
    autoSelectFamilyAttemptTimeout: ATTEMPT_MS,
  };
  const direct = { ...shared, lookup: settings.lookup };
  const limits = {
    connections,
    connectTimeout: connectTimeoutMs,
    headersTimeout: idleTimeoutMs,
    bodyTimeout: idleTimeoutMs,
  };
  return new Agent({
    ...limits,
    factory: (origin, options) => {
      const url = new URL(origin);
      assertHostAllowed(url.hostname, settings);
      const proxy = proxyFor(url, settings.proxy);
      if (proxy !== null) return viaProxy(url, proxy, { limits, connect: shared, trust });
      const connect = url.protocol === "https:" ? { ...direct, ...trust() } : direct;
      return new Pool(origin, { ...options, connect });
    },
  });
}

/**
 * The PEM text of a file of certificate authorities; null where Node trusts that file already, because this process was
 * started with it as `NODE_EXTRA_CA_CERTS`.
 * @throws ModelsError `CONFIG_INVALID` when it cannot be read or holds no certificate
 */
export async function readExtraCa(path: string): Promise<string | null> {
  const problem = (seen: string, cause?: unknown): ModelsError =>
    new ModelsError("CONFIG_INVALID", `Cannot read certificate authorities "${path}": ${seen}`, {
      fix: "name a PEM file with BEGIN CERTIFICATE blocks",
      cause,
    });
  const text = await readBoundedText(path, MAX_CA_BYTES).catch((error: NodeJS.ErrnoException) => {
    throw problem(error.code ?? error.message, error);
  });
  if (!text.includes("-----BEGIN CERTIFICATE-----")) throw problem("it holds no PEM certificate");
  if (variableOf(processEnvironment(), "NODE_EXTRA_CA_CERTS") === path) return null;
  try {
    trustContext(text);
  } catch (error) {
    throw problem("it holds a certificate that cannot be parsed", error);
  }
  return text;
}
