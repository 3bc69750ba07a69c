/** The memory that parts pass through: bounded, used again and again, handed out in the order in which it is asked for. */
import { type Deferred, deferred } from "../base/flow.ts";
import { createPartMemory, type PartMemory } from "../digest/part-digest.ts";

export interface PartPool {
  /** Bytes of all memory together. */
  readonly budget: number;
  /** Memory of at least `bytes`; waits until there is some. */
  readonly take: (bytes: number, signal: AbortSignal) => Promise<PartMemory>;
  readonly give: (memory: PartMemory) => void;
}

/** Fewer would have every step wait for every other one. */
const LEAST_SLOTS = 3;

interface Waiting {
  readonly bytes: number;
  readonly turn: Deferred<PartMemory>;
}

/** Allocates when asked, at most `budget` bytes (and never less than three parts). */
export function createPartPool(budget: number): PartPool {
  const free: PartMemory[] = [];
  const waiting: Waiting[] = [];
  let allocated = 0;
  let inUse = 0;

  const find = (bytes: number): PartMemory | null => {
    const fitting = free.findIndex((memory) => memory.bytes.length >= bytes);
    if (fitting >= 0) return free.splice(fitting, 1)[0] ?? null;
    while (allocated + bytes > budget && free.length > 0) allocated -= free.pop()?.bytes.length ?? 0;
    if (allocated + bytes > budget && inUse >= LEAST_SLOTS) return null;
    allocated += bytes;
    return createPartMemory(bytes);
  };
  const serve = (): void => {
    for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
      const memory = find(next.bytes);
      if (memory === null) return;
      inUse += 1;
      waiting.shift();
      next.turn.resolve(memory);
    }
  };
  return {
    budget,
    take: async (bytes, signal) => {
      signal.throwIfAborted();
      const mine: Waiting = { bytes, turn: deferred<PartMemory>() };
      const leave = (): void => {
        const place = waiting.indexOf(mine);
        if (place < 0) return;
        waiting.splice(place, 1);
        mine.turn.reject(signal.reason);
      };
      waiting.push(mine);
      signal.addEventListener("abort", leave, { once: true });
      serve();
      return await mine.turn.promise.finally(() => signal.removeEventListener("abort", leave));
    },
    give: (memory) => {
      inUse -= 1;
      free.push(memory);
      serve();
    },
  };
}
