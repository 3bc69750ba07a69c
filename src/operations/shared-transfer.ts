/** What all runs of one composition have together: one transfer with its lanes and threads, and one limit of the rate. */
import type { Clock } from "../base/clock.ts";
import { userAgent } from "../base/version.ts";
import type { Digest } from "../digest/digest.ts";
import { createRateLimiter } from "../net/rate-limiter.ts";
import type { Settings } from "../settings.ts";
import type { Transfer } from "../transfer/transfer.ts";
import type { Tree } from "../tree/tree.ts";

export interface SharedTransfer {
  /**
   * The transfer, opened for the first who takes it; everyone gives it back once, also where it could not be opened.
   * @throws ModelsError `CONFIG_INVALID` for authorities that cannot be read
   */
  readonly take: () => Promise<Transfer>;
  /** Who is the last to give it back closes it. */
  readonly giveBack: () => Promise<void>;
  /**
   * Waits until `bytes` may come in outside of the transfer, whose lanes then wait for as many.
   * @throws the signal's reason
   */
  readonly pace: (bytes: number, signal: AbortSignal) => Promise<void>;
}

export interface SharedPorts {
  readonly clock: Clock;
  /** Shared with the tree. */
  readonly digest: () => Promise<Digest>;
  /** Remembers what hosts gave. */
  readonly memory: () => Promise<Pick<Tree, "hostPaces" | "rememberPaces">>;
}

/** While lanes are at work, what comes in elsewhere leaves them half of the rate, lest they seem to be silent. */
const LANES_SHARE = 2;

/** Opens nothing yet. */
export function shareTransfer(settings: Settings, ports: SharedPorts): SharedTransfer {
  const { clock } = ports;
  const budget = createRateLimiter(clock);
  budget.limit(settings.limits.maxRate);
  let users = 0;
  let opened: Promise<Transfer> | null = null;
  /** What is open, once it is. */
  let current: Transfer | null = null;

  const open = async (): Promise<Transfer> => {
    current = await openTransfer(settings, ports);
    return current;
  };
  return {
    take: () => {
      users += 1;
      opened ??= open();
      return opened;
    },
    giveBack: async () => {
      users -= 1;
      if (users > 0) return;
      const ours = opened;
      const last = await ours?.catch(() => null);
      // Somebody may have taken it meanwhile, and even closed it.
      if (users > 0 || opened !== ours) return;
      opened = current = null;
      if (last == null) return;
      await last.close();
      await (await ports.memory()).rememberPaces(last.paces());
    },
    pace: async (bytes, signal) => {
      for (let waitMs = budget.waitMs(); waitMs > 0; waitMs = budget.waitMs()) await clock.sleep(waitMs, signal);
      budget.spend(current?.isFetching() === true ? LANES_SHARE * bytes : bytes);
      current?.spend(bytes);
    },
  };
}

async function openTransfer({ limits, caFile, proxy }: Settings, ports: SharedPorts): Promise<Transfer> {
  const [{ createTransfer }, { readExtraCa }, memory] = await Promise.all([
    import("../transfer/transfer.ts"),
    import("../net/agent.ts"),
    ports.memory(),
  ]);
  const extraCa = caFile === null ? null : await readExtraCa(caFile);
  return createTransfer(
    { ...limits, extraCa, proxy, userAgent: userAgent() },
    { clock: ports.clock, digest: await ports.digest(), paces: await memory.hostPaces() },
  );
}
