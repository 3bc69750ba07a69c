/** Tables that follow from each other, held against maps that are copied. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { emptyTable, type Table } from "../../src/report/table-of-files.ts";

describe("emptyTable()", () => {
  it("gives tables that hold what copied maps hold, also where two follow from one", () => {
    const change = fc.record({ from: fc.nat(), name: fc.nat(400).map(String), value: fc.nat() });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 600 }), (changes) => {
        const made: { table: Table<number>; map: ReadonlyMap<string, number> }[] = [
          { table: emptyTable<number>(), map: new Map() },
        ];
        for (const [index, { from, name, value }] of changes.entries()) {
          // Mostly the newest, as in a run.
          const base = made[from % 10 === 0 ? from % made.length : index];
          if (base === undefined) throw new Error("each change makes one");
          made.push({ table: base.table.with(name, value), map: new Map(base.map).set(name, value) });
        }
        for (const { table, map } of made.slice(-20)) {
          expect(table.size).toBe(map.size);
          expect([...table.keys()]).toEqual([...map.keys()]);
          expect([...table.values()]).toEqual([...map.values()]);
          for (let name = 0; name < 400; name += 7) expect(table.get(String(name))).toBe(map.get(String(name)));
        }
      }),
      { numRuns: 50 },
    );
  });

  it("changes one of 20,000 in no time", () => {
    let table = emptyTable<number>();
    const started = performance.now();
    for (let index = 0; index < 20_000; index += 1) table = table.with(String(index), index);
    for (let index = 0; index < 20_000; index += 1) table = table.with(String(index), -index);
    expect(performance.now() - started).toBeLessThan(3000);
  });
});
