import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createPositions, type LaneFailure, type RangeRead } from "../../src/net/lane-protocol.ts";
import { createRangeSink, DiskProblem, failureOf } from "../../src/net/range-sink.ts";
import { createSlab } from "../../src/net/slab.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "modelferry-sink-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const SLOT = 3;
const RESET: LaneFailure = { kind: "network", message: "reset" };

function rig(start: number, end: number, flags = "w+", nowMs: () => number = () => 0) {
  const path = join(folder, "x.part");
  if (flags === "r") closeSync(openSync(path, "w"));
  const file = openSync(path, flags);
  const positions = createPositions();
  const ends: string[] = [];
  const read: RangeRead = {
    endpoint: { kind: "file", path: "" },
    file,
    start,
    end,
    size: 10_000_000,
    isGeneral: false,
  };
  const sink = createRangeSink(read, {
    slot: SLOT,
    slab: createSlab(),
    positions,
    nowMs,
    ends: {
      done: (position) => ends.push(`done ${position}`),
      failed: (position, failure) => ends.push(`${failure.kind} ${position}`),
    },
  });
  const put = (text: string): boolean => {
    sink.slab.room().write(text);
    sink.slab.grow(text.length);
    return sink.accept(text.length);
  };
  return {
    sink,
    put,
    ends,
    received: () => positions.received[SLOT],
    written: () => positions.written[SLOT],
    firstByteMs: () => positions.firstByteMs[SLOT],
    content: () => readFileSync(path),
    close: () => closeSync(file),
  };
}

describe("createRangeSink()", () => {
  it("writes at its place, and tells both positions", () => {
    const one = rig(5, 15);
    expect([one.received(), one.written()]).toEqual([5, 5]);
    expect(one.put("abcd")).toBe(true);
    expect([one.received(), one.written()]).toEqual([9, 5]);
    one.sink.flush();
    expect(one.written()).toBe(9);
    expect(one.put("efghij")).toBe(false);
    one.sink.finish();
    one.close();
    expect(one.ends).toEqual(["done 15"]);
    expect(one.content().subarray(5).toString()).toBe("abcdefghij");
  });

  it("tells once how long the first byte took", () => {
    let now = 1_000;
    const one = rig(5, 15, "w+", () => now);
    expect(one.firstByteMs()).toBe(0);
    now = 1_040;
    one.put("a");
    now = 1_500;
    one.put("b");
    one.close();
    expect(one.firstByteMs()).toBe(40);
  });

  it("takes no byte beyond its end", () => {
    const one = rig(0, 4);
    expect(one.put("abcdefgh")).toBe(false);
    one.sink.finish();
    one.close();
    expect(one.received()).toBe(4);
    expect(one.content().toString()).toBe("abcd");
  });

  it("shrinks to what is wished, but never behind what came in, and never grows", () => {
    const one = rig(0, 100);
    one.put("abcdefghij");
    expect(one.sink.shrink(50)).toBe(50);
    expect(one.sink.shrink(80)).toBe(50);
    expect(one.sink.shrink(3)).toBe(10);
    expect(one.sink.end()).toBe(10);
    one.close();
  });

  it("keeps what came before a failure", () => {
    const one = rig(0, 100);
    one.put("abc");
    one.sink.fail(RESET);
    one.close();
    expect(one.ends).toEqual(["network 3"]);
    expect(one.content().toString()).toBe("abc");
  });

  it("ends once, and takes nothing after its end: its slot may be another's by then", () => {
    const one = rig(0, 100);
    one.sink.fail(RESET);
    one.sink.fail(RESET);
    one.sink.finish();
    expect(one.put("late")).toBe(false);
    one.sink.flush();
    one.close();
    expect(one.ends).toEqual(["network 0"]);
    expect([one.received(), one.written()]).toEqual([0, 0]);
    expect(one.content().length).toBe(0);
  });

  it("stop() keeps what came, tells nobody, and says where it stands", () => {
    const one = rig(5, 100);
    one.put("abc");
    expect(one.sink.stop()).toBe(8);
    expect(one.put("late")).toBe(false);
    one.sink.fail(RESET);
    one.close();
    expect(one.ends).toEqual([]);
    expect(one.content().subarray(5).toString()).toBe("abc");
  });

  it("a disk that does not take the bytes is the failure that counts", () => {
    const one = rig(0, 100, "r");
    one.put("abc");
    expect(() => one.sink.flush()).toThrow(DiskProblem);
    one.sink.fail(RESET);
    one.close();
    expect(one.ends).toEqual(["disk 0"]);
  });

  it("keeps its order whatever comes: start <= written <= received <= end", () => {
    const anyStep = fc.record({ kind: fc.constantFrom("put", "flush", "shrink"), count: fc.nat(60) });
    fc.assert(
      fc.property(fc.nat(50), fc.nat(200), fc.array(anyStep, { maxLength: 30 }), (start, length, steps) => {
        const one = rig(start, start + length);
        let isOpen = length > 0;
        for (const { kind, count } of steps) {
          if (kind === "put" && isOpen) isOpen = one.put("x".repeat(count));
          if (kind === "flush") one.sink.flush();
          if (kind === "shrink") one.sink.shrink(start + count);
          const [written, received] = [one.written() ?? -1, one.received() ?? -1];
          expect(start <= written && written <= received && received <= one.sink.end()).toBe(true);
          expect(one.sink.end()).toBeLessThanOrEqual(start + length);
        }
        one.close();
      }),
      { numRuns: 60 },
    );
  });
});

describe("failureOf()", () => {
  it("tells the disk from the network, and names the code once", () => {
    const failure = (code: string | undefined, message: string): LaneFailure =>
      failureOf(Object.assign(new Error(message), code === undefined ? {} : { code }));
    expect(failureOf(new DiskProblem(Object.assign(new Error("full"), { code: "ENOSPC" })))).toEqual({
      kind: "disk",
      code: "ENOSPC",
      message: "full",
    });
    expect(failureOf(new DiskProblem(new Error("odd")))).toMatchObject({ code: "EIO" });
    expect(failure("ECONNRESET", "read ECONNRESET")).toEqual({
      kind: "network",
      message: "it broke the connection off (ECONNRESET)",
    });
    expect(failure("UND_ERR", "gone")).toEqual({ kind: "network", message: "gone (UND_ERR)" });
    expect(failure(undefined, "gone")).toEqual({ kind: "network", message: "gone" });
  });
});
