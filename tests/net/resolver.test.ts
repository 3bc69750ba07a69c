import { describe, expect, it } from "vitest";
import { type Address, createResolver, type Resolve, type Resolved } from "../../src/net/resolver.ts";

/** A resolver whose answers are given by hand, and a clock that only moves when it is told to. */
function makeScene() {
  const asked: { readonly hostname: string; readonly family: number | undefined; readonly answer: Resolved }[] = [];
  const timers = new Set<{ readonly atMs: number; readonly run: () => void }>();
  let nowMs = 0;
  const clock = {
    monotonicMs: () => nowMs,
    after: (ms: number, run: () => void) => {
      const timer = { atMs: nowMs + ms, run };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
  };
  const ask: Resolve = (hostname, { family }, answer) => void asked.push({ hostname, family, answer });
  const resolve = createResolver(clock, ask);
  const heard: (readonly string[] | string)[] = [];
  return {
    asked,
    heard,
    resolve: (hostname: string, family?: number): void =>
      resolve(hostname, { all: true, ...(family === undefined ? {} : { family }) }, (error, found) =>
        heard.push(error === null ? found.map(({ address }) => address) : error.message),
      ),
    pass: (ms: number): void => {
      nowMs += ms;
      for (const timer of [...timers].filter(({ atMs }) => atMs <= nowMs)) {
        timers.delete(timer);
        timer.run();
      }
    },
    timers,
  };
}

const at = (...addresses: readonly string[]): readonly Address[] =>
  addresses.map((address) => ({ address, family: 4 }));

describe("createResolver()", () => {
  it("asks for a name once at a time, whoever waits for it", () => {
    const { asked, heard, resolve } = makeScene();
    for (let time = 0; time < 50; time += 1) resolve("silent.example");
    resolve("good.example");
    expect(asked.map(({ hostname }) => hostname)).toEqual(["silent.example", "good.example"]);
    asked[1]?.answer(null, at("192.0.2.1"));
    expect(heard).toEqual([["192.0.2.1"]]);
    asked[0]?.answer(new Error("gone"), []);
    expect(heard.length).toBe(51);
    resolve("silent.example");
    expect(asked.length).toBe(3);
  });

  it("asks for each family on its own", () => {
    const { asked, resolve } = makeScene();
    resolve("a.example", 4);
    resolve("a.example", 6);
    expect(asked.map(({ family }) => family)).toEqual([4, 6]);
  });

  it("takes each new answer", () => {
    const { asked, heard, resolve } = makeScene();
    for (const address of ["192.0.2.1", "192.0.2.2"]) {
      resolve("cdn.example");
      asked.at(-1)?.answer(null, at(address));
    }
    expect(heard).toEqual([["192.0.2.1"], ["192.0.2.2"]]);
  });

  it("takes the last good answer when a new one is an error or takes more than a second, for ten minutes", () => {
    const { asked, heard, resolve, pass, timers } = makeScene();
    resolve("a.example");
    asked[0]?.answer(null, at("192.0.2.1"));
    resolve("a.example");
    asked[1]?.answer(new Error("EAI_AGAIN"), []);
    expect(heard).toEqual([["192.0.2.1"], ["192.0.2.1"]]);

    resolve("a.example");
    pass(999);
    expect(heard.length).toBe(2);
    pass(1);
    expect(heard.slice(2)).toEqual([["192.0.2.1"]]);
    asked[2]?.answer(new Error("too late"), []);
    expect(heard.length).toBe(3);

    pass(600_000);
    resolve("a.example");
    asked[3]?.answer(new Error("EAI_AGAIN"), []);
    expect(heard.slice(3)).toEqual(["EAI_AGAIN"]);
    expect(timers.size).toBe(0);
  });

  it("asks the system where nothing else is given", async () => {
    const clock = { monotonicMs: () => 0, after: () => () => undefined };
    const found = await new Promise((done) => {
      createResolver(clock)("localhost", { all: true, family: 4 }, (_error, addresses) => done(addresses));
    });
    expect(found).toContainEqual({ address: "127.0.0.1", family: 4 });
  });
});
