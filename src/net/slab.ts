/** One lane's memory: bytes gather here and go to their place in the file with one positioned write. */
import { writeSync } from "node:fs";

/**
 * Half a MiB measured best: smaller costs system calls, larger falls out of the processor's cache. And what is written in
 * one call, Linux puts into pages as large: the largest are often memory that a virtual machine has given back, and each
 * costs a fault in its host then (a sixth to a third of the whole time, measured with 1 MiB).
 */
const SLAB_BYTES = 512 * 1024;
/** Below this much room the slab is written out, so that the socket is never asked for crumbs. */
const LEAST_ROOM = 64 * 1024;

export interface Slab {
  /** Where the next bytes are to be put, at most `most` of them; never empty. What was given before is void then. */
  readonly room: (most?: number) => Buffer;
  /** Bytes that wait to be written, oldest first. */
  readonly held: () => Buffer;
  /** Says that `count` bytes were put at the start of {@link Slab.room}. */
  readonly grow: (count: number) => void;
  /** Forgets the first `count` held bytes: a response head that was read. */
  readonly drop: (count: number) => void;
  /** Writes at most `count` held bytes to `file` at `position`, and forgets them. */
  readonly writeOut: (file: number, position: number, count: number) => void;
  /** Copies at most `count` held bytes to `offset` of `memory`, and forgets them. */
  readonly copyOut: (memory: Uint8Array, offset: number, count: number) => void;
  readonly isNearlyFull: () => boolean;
  readonly clear: () => void;
}

export function createSlab(): Slab {
  const memory = Buffer.allocUnsafeSlow(SLAB_BYTES);
  let from = 0;
  let to = 0;
  const drop = (count: number): void => {
    from = Math.min(to, from + count);
  };
  return {
    room: (most = SLAB_BYTES) => {
      // Only here may the slab begin again: until then, the socket still fills the room that it was given last.
      if (from === to) from = to = 0;
      return memory.subarray(to, Math.min(SLAB_BYTES, to + most));
    },
    held: () => memory.subarray(from, to),
    grow: (count) => {
      to += count;
    },
    drop,
    writeOut: (file, position, count) => {
      const bytes = Math.min(count, to - from);
      let done = 0;
      while (done < bytes) done += writeSync(file, memory, from + done, bytes - done, position + done);
      drop(bytes);
    },
    copyOut: (into, offset, count) => {
      const bytes = Math.min(count, to - from);
      into.set(memory.subarray(from, from + bytes), offset);
      drop(bytes);
    },
    isNearlyFull: () => SLAB_BYTES - to < LEAST_ROOM,
    clear: () => {
      from = to = 0;
    },
  };
}
