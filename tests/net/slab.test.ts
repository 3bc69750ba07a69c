import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createSlab } from "../../src/net/slab.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "modelferry-slab-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The next bytes of an endless stream that never repeats in short. */
const byteAt = (index: number): number => ((index * 2_654_435_761) >>> 11) & 255;
const fill = (room: Buffer, count: number, from: number): void => {
  for (let index = 0; index < count; index += 1) room[index] = byteAt(from + index);
};

type Step =
  | { readonly kind: "read"; readonly count: number; readonly isFlushedMeanwhile: boolean }
  | { readonly kind: "write"; readonly count: number };

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant("read" as const),
    count: fc.oneof(fc.nat(300), fc.integer({ min: 60_000, max: 400_000 })),
    isFlushedMeanwhile: fc.boolean(),
  }),
  fc.record({ kind: fc.constant("write" as const), count: fc.oneof(fc.nat(400), fc.constant(1e9)) }),
);

describe("createSlab()", () => {
  it("gives room, holds what was put there, and forgets what is dropped", () => {
    const slab = createSlab();
    slab.room().write("headbody");
    slab.grow(8);
    expect(slab.held().toString()).toBe("headbody");
    slab.drop(4);
    expect(slab.held().toString()).toBe("body");
    slab.drop(100);
    expect(slab.held().length).toBe(0);
    slab.grow(0);
    slab.clear();
    expect(slab.held().length).toBe(0);
  });

  it("says in time when it is nearly full, so that there is always room", () => {
    const slab = createSlab();
    const whole = slab.room().length;
    slab.grow(whole - 64 * 1024);
    expect(slab.isNearlyFull()).toBe(false);
    slab.grow(1);
    expect(slab.isNearlyFull()).toBe(true);
    slab.drop(whole);
    expect(slab.room().length).toBe(whole);
  });

  it("a write between two reads of the socket never moves the room that the socket was given", () => {
    const path = join(folder, "moved");
    const file = openSync(path, "w+");
    const slab = createSlab();
    fill(slab.room(), 1000, 0);
    slab.grow(1000);
    // The socket holds this room while the timer writes out, and fills it only then.
    const given = slab.room();
    slab.writeOut(file, 0, 1000);
    fill(given, 500, 1000);
    slab.grow(500);
    slab.writeOut(file, 1000, 500);
    closeSync(file);
    expect([...readFileSync(path)]).toEqual(Array.from({ length: 1500 }, (_, index) => byteAt(index)));
  });

  it("puts every byte at its place, however reads and writes fall", () => {
    let runs = 0;
    fc.assert(
      fc.property(fc.array(anyStep, { minLength: 1, maxLength: 25 }), (steps) => {
        const path = join(folder, `run-${runs++}`);
        const file = openSync(path, "w+");
        const slab = createSlab();
        let received = 0;
        let written = 0;
        const writeOut = (count: number): void => {
          slab.writeOut(file, written, count);
          written += Math.min(count, received - written);
        };
        for (const step of steps) {
          if (step.kind === "write") writeOut(step.count);
          else {
            const room = slab.room();
            expect(room.length).toBeGreaterThan(0);
            if (step.isFlushedMeanwhile) writeOut(1e9);
            const count = Math.min(step.count, room.length);
            fill(room, count, received);
            slab.grow(count);
            received += count;
            if (slab.isNearlyFull()) writeOut(1e9);
          }
          expect(slab.held().length).toBe(received - written);
        }
        writeOut(1e9);
        closeSync(file);
        const content = readFileSync(path);
        rmSync(path);
        const expected = Buffer.allocUnsafe(received);
        fill(expected, received, 0);
        expect(content.equals(expected)).toBe(true);
      }),
      { numRuns: 40 },
    );
  });
});
