/** Which connections a request may use: those that may reach private addresses, or those that may not. */
import type { Dispatcher } from "undici";
import type { Clock } from "../base/clock.ts";
import { guardedLookup, isPrivateAddress, isPrivateName, leadsToPrivate } from "./address-guard.ts";
import type { AgentSettings } from "./agent.ts";
import { createResolver } from "./resolver.ts";

export interface Agents {
  readonly for: (mayBePrivate: boolean) => Promise<Dispatcher>;
  /** Whether `hostname` was connected to in a private network. */
  readonly wasPrivate: (hostname: string) => boolean;
  /** True when `hostname` is this box or in a private network, as far as this box can tell. */
  readonly leadsToPrivate: (hostname: string) => Promise<boolean>;
  readonly close: () => Promise<void>;
}

export interface AgentsSettings
  extends Pick<AgentSettings, "proxy" | "connectTimeoutMs" | "idleTimeoutMs" | "connections"> {
  /** PEM file of authorities to trust beside the built-in ones, or null; read by the first call of `for`. */
  readonly caFile: string | null;
}

/** Two sets of connections that are never mixed: one that may reach private addresses and one that may not. */
export function createAgents(settings: AgentsSettings, clock: Clock): Agents {
  const resolve = createResolver(clock);
  const privateHosts = new Set<string>();
  // What the connect itself used decides, so that no second DNS answer can differ from it.
  const remembering = guardedLookup({ mayBePrivate: true }, (hostname, options, done) => {
    resolve(hostname, options, (error, found) => {
      if (error === null && found.some(({ address }) => isPrivateAddress(address))) privateHosts.add(hostname);
      done(error, found);
    });
  });
  let made: Promise<{ readonly open: Dispatcher; readonly shut: Dispatcher }> | null = null;
  const make = async (): Promise<{ readonly open: Dispatcher; readonly shut: Dispatcher }> => {
    // Loaded by the first request: what comes by fast lanes alone needs none of it.
    const { createAgent, readExtraCa } = await import("./agent.ts");
    const extraCa = settings.caFile === null ? null : await readExtraCa(settings.caFile);
    const shared = { ...settings, extraCa };
    return {
      open: createAgent({ ...shared, mayBePrivate: true, lookup: remembering }),
      shut: createAgent({ ...shared, mayBePrivate: false, lookup: guardedLookup({ mayBePrivate: false }, resolve) }),
    };
  };
  const wasPrivate = (hostname: string): boolean => {
    if (!privateHosts.has(hostname) && isPrivateName(hostname)) privateHosts.add(hostname);
    return privateHosts.has(hostname);
  };
  return {
    for: async (mayBePrivate) => {
      made ??= make();
      const agents = await made;
      return mayBePrivate ? agents.open : agents.shut;
    },
    wasPrivate,
    leadsToPrivate: async (hostname) => wasPrivate(hostname) || (await leadsToPrivate(hostname, resolve)),
    close: async () => {
      const agents = await made?.catch(() => null);
      await Promise.all([agents?.open.destroy(), agents?.shut.destroy()]);
    },
  };
}
