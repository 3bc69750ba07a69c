/** Takeovers, step by step: what a slow rival may not do. */
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { describe, expect, it } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { type Badge, createBadge } from "../../src/tree/badge.ts";
import { describeSelf, formatHolder, type Holder } from "../../src/tree/holder.ts";
import { createLayout, type Layout } from "../../src/tree/layout.ts";
import { LEASE_TIMINGS, type LeaseTimings, takeLease } from "../../src/tree/lease.ts";
import { type LockParts, removeLock } from "../../src/tree/lock-file.ts";
import { createStaleJudge, type StaleJudge, takeAway } from "../../src/tree/takeover.ts";
import { makeHome } from "./support.ts";

const options = { signal: new AbortController().signal, wait: false, onWait: () => undefined };

interface Scene {
  readonly parts: LockParts & { readonly layout: Layout; readonly timings: LeaseTimings };
  readonly path: string;
  /** What the lock of a holder that is gone says. */
  readonly stale: string;
  readonly by: { readonly self: Holder; readonly badge: Badge; readonly isStale: StaleJudge };
}

async function createScene(): Promise<Scene> {
  const layout = createLayout(await makeHome());
  const parts = { layout, clock: systemClock, timings: LEASE_TIMINGS };
  const path = layout.lockOf("flux");
  const self = await describeSelf("self");
  const stale = formatHolder({ ...self, start: "1", token: "gone" }, 0);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, stale);
  const by = { self, badge: createBadge(parts, self), isStale: createStaleJudge(self, systemClock, 10_000) };
  return { parts, path, stale, by };
}

describe("takeAway()", () => {
  it("takes what was judged stale, and leaves no claim", async () => {
    const { parts, path, stale, by } = await createScene();
    expect(await takeAway(parts, { path, text: stale }, by)).toBe(true);
    expect(await readdir(dirname(path))).toEqual([]);
  });

  it("touches nothing when a faster rival holds the lock already", async () => {
    const { parts, path, stale, by } = await createScene();
    await using rival = await takeLease(parts, "flux", options);
    const held = await readFile(path, "utf8");
    expect(await takeAway(parts, { path, text: stale }, by)).toBe(true);
    expect(await readFile(path, "utf8")).toBe(held);
    expect(rival.lost.aborted).toBe(false);
  });

  it("leaves it to a rival that is at it", async () => {
    const { parts, path, stale, by } = await createScene();
    await writeFile(`${path}.claim`, formatHolder({ ...by.self, token: "rival" }, 0));
    expect(await takeAway(parts, { path, text: stale }, by)).toBe(false);
    expect(await readFile(path, "utf8")).toBe(stale);
    expect(existsSync(`${path}.claim`)).toBe(true);
  });
});

describe("Badge take()", () => {
  it("makes a lock once among many holders, with its content in it from the start", async () => {
    const { parts, path, by } = await createScene();
    expect(await by.badge.take(path)).toBeNull();
    const selves = Array.from({ length: 16 }, (_, one) => describeSelf(`holder ${one}`));
    const tries = await Promise.all(selves.map((self) => createBadge(parts, self).take(`${path}.new`)));
    const made = tries.filter((lock) => lock !== null);
    expect(made).toHaveLength(1);
    const winner = selves[tries.findIndex((lock) => lock !== null)];
    expect(await readFile(`${path}.new`, "utf8")).toBe(formatHolder(winner as Holder, 0));
    await made[0]?.putBack();
    expect(existsSync(`${path}.new`)).toBe(false);
    expect(await readdir(parts.layout.temporaryFolder)).toEqual([]);
  });
});

describe("removeLock()", () => {
  it("puts back what turns out to be another's once it is moved", async () => {
    const { parts, path, stale } = await createScene();
    let looks = 0;
    await removeLock(parts, path, () => {
      looks += 1;
      return looks === 1;
    });
    expect(looks).toBe(2);
    expect(await readFile(path, "utf8")).toBe(stale);
  });

  it("is content when there is nothing", async () => {
    const { parts, path } = await createScene();
    await removeLock(parts, `${path}.none`, () => true);
    expect(existsSync(path)).toBe(true);
  });
});
