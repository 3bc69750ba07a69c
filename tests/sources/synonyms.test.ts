import { describe, expect, it } from "vitest";
import { createSynonyms } from "../../src/sources/synonyms.ts";

describe("createSynonyms()", () => {
  it("takes another validator once the first is given again after it, and not before", () => {
    const learn = createSynonyms('"a"');
    expect(learn('"b"', false)).toEqual({ validator: '"a"', synonyms: [] });
    expect(learn('"b"', false)).toEqual({ validator: '"a"', synonyms: [] });
    expect(learn('"c"', false)).toEqual({ validator: '"a"', synonyms: [] });
    expect(learn('"a"', false)).toEqual({ validator: '"a"', synonyms: ['"a"', '"b"', '"c"'] });
    expect(learn('"b"', false)).toEqual({ validator: '"b"', synonyms: ['"a"', '"b"', '"c"'] });
    expect(learn('"d"', false)).toEqual({ validator: '"a"', synonyms: ['"a"', '"b"', '"c"'] });
  });

  it("takes what is proven at once", () => {
    expect(createSynonyms('"a"')('"b"', true)).toEqual({ validator: '"a"', synonyms: ['"a"', '"b"'] });
  });

  it("goes on with one validator as long as there is one, as it came", () => {
    expect(createSynonyms('"a"')('W/"a"', false)).toEqual({ validator: 'W/"a"', synonyms: [] });
  });

  it("gives up when there are too many", () => {
    const learn = createSynonyms('"0"');
    const seen = Array.from({ length: 20 }, (_, index) => learn(`"${index + 1}"`, false));
    expect(seen.filter((one) => one !== null).length).toBe(15);
  });
});
