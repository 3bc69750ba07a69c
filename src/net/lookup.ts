/** Asks the system for the addresses of a name, as every connection of this program does. */
import { lookup } from "node:dns/promises";

export interface LookedUp {
  readonly addresses: readonly string[];
  readonly elapsedMs: number;
}

/** @throws Error with the resolver's code (`ENOTFOUND`, `EAI_AGAIN`) */
export async function lookupHost(name: string, clock: { readonly monotonicMs: () => number }): Promise<LookedUp> {
  const startedMs = clock.monotonicMs();
  const found = await lookup(name.replace(/^\[(.*)\]$/, "$1"), { all: true });
  return { addresses: found.map(({ address }) => address), elapsedMs: clock.monotonicMs() - startedMs };
}
