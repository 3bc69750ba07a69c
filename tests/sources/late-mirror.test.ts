/** Mirrors that have not answered when others have: nobody waits for them for long, and they join when they answer. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Clock, systemClock } from "../../src/base/clock.ts";
import type { LateMirror, Mirror } from "../../src/base/mirror.ts";
import { parseTreePath } from "../../src/base/paths.ts";
import { always, makeSafetensors, type RangeServer, stallHead, startRangeServer, status } from "../origins/index.ts";
import { createHarness, type Harness } from "./harness.ts";

const weights = makeSafetensors({ size: 300_000 });
let quick: RangeServer;
let slow: RangeServer;

beforeEach(async () => {
  [quick, slow] = (await Promise.all([startRangeServer(), startRangeServer()])) as [RangeServer, RangeServer];
});
afterEach(async () => {
  await Promise.all([quick.close(), slow.close()]);
});

interface Sought {
  readonly mirrors: readonly Mirror[];
  readonly late: readonly LateMirror[];
  /** Labels of those that joined so far. */
  readonly joined: readonly string[];
  readonly dropped: readonly string[];
  /** The waits that were begun for sources, in milliseconds. */
  readonly waits: readonly number[];
}

/** A clock that writes its waits down, and makes the one for sources short. */
function recordingClock(waits: number[]): Clock {
  return {
    ...systemClock,
    sleep: async (ms, signal) => {
      waits.push(ms);
      await systemClock.sleep(ms === 1_500 ? 200 : ms === 15_000 ? 1_000 : ms, signal);
    },
  };
}

async function seek(box: Harness, waits: number[], isPinned = true): Promise<Sought> {
  const found = { late: [] as LateMirror[], joined: [] as string[], dropped: [] as string[] };
  const figures = isPinned ? { size: weights.size, sha256: await weights.sha256() } : { size: null, sha256: null };
  const sources = [slow.put("m", weights), quick.put("m", weights)];
  waits.splice(0);
  const mirrors = await box.sources.mirrorsOf(
    { name: "m", path: parseTreePath("vae/m.safetensors"), allowPickle: false, sources, ...figures },
    {
      signal: AbortSignal.timeout(20_000),
      onDropped: (_, label) => found.dropped.push(label),
      late: { onLeft: (mirror) => found.late.push(mirror), onJoined: ({ label }) => found.joined.push(label) },
    },
  );
  return { ...found, mirrors, waits: [...waits] };
}

const labelOf = ({ port }: RangeServer): string => `127.0.0.1:${port}`;

describe("mirrorsOf() and a mirror that takes its time", () => {
  it("returns without it, and gives it as one that joins when it answers", async () => {
    const waits: number[] = [];
    await using box = createHarness({ clock: recordingClock(waits) });
    slow.setShape({ latencyMs: 900 });
    const { mirrors, late, joined, dropped } = await seek(box, waits);
    expect(mirrors.map(({ label }) => label)).toEqual([labelOf(quick)]);
    expect(late).toMatchObject([{ label: labelOf(slow), size: weights.size, whole: null }]);
    expect(late[0]?.silentMs()).toBeGreaterThan(100);
    expect([joined, dropped]).toEqual([[], []]);
    const { signal } = new AbortController();
    expect(await late[0]?.open(signal)).toMatchObject({ kind: "http", url: `${slow.url}/m` });
    expect(late[0]?.silentMs()).toBeNull();
    await late[0]?.open(signal);
    expect(joined).toEqual([labelOf(slow)]);
  });

  it("waits for it no more the next time, until it answers soon again", async () => {
    const waits: number[] = [];
    await using box = createHarness({ clock: recordingClock(waits) });
    slow.faults.add(always, stallHead());
    expect((await seek(box, waits)).waits).toEqual([1_500, 1_500]);
    const second = await seek(box, waits);
    expect(second.waits).toEqual([0, 1_500]);
    expect([second.mirrors.length, second.late.length]).toEqual([1, 1]);
    slow.faults.clear();
    const third = await seek(box, waits);
    const { signal } = new AbortController();
    for (const mirror of third.late) await mirror.open(signal);
    expect((await seek(box, waits)).waits).toEqual([1_500, 1_500]);
  });

  it("throws what is wrong with it to whoever opens it, and tells nobody else", async () => {
    const waits: number[] = [];
    await using box = createHarness({ clock: recordingClock(waits) });
    slow.setShape({ latencyMs: 600 });
    slow.faults.add(always, status(404));
    const { late, joined, dropped } = await seek(box, waits);
    await expect(late[0]?.open(new AbortController().signal)).rejects.toMatchObject({ code: "SOURCE_NOT_FOUND" });
    expect([joined, dropped]).toEqual([[], []]);
  });

  it("waits for a refused host's retries once, not with each model", async () => {
    const waits: number[] = [];
    await using box = createHarness({ clock: recordingClock(waits) });
    await slow.die();
    await seek(box, waits);
    expect((await seek(box, waits)).waits).toContain(0);
  });

  it("waits longer where no digest is known to tell right from wrong, but only once as long", async () => {
    const waits: number[] = [];
    await using box = createHarness({ clock: recordingClock(waits) });
    slow.setShape({ latencyMs: 150 });
    const first = await seek(box, waits, false);
    expect([first.mirrors.length, first.late.length, first.waits]).toEqual([2, 0, [15_000, 15_000]]);
    slow.faults.add(always, stallHead());
    const second = await seek(box, waits, false);
    expect([second.mirrors.length, second.late.length, second.dropped]).toEqual([1, 0, [labelOf(slow)]]);
    expect((await seek(box, waits, false)).waits).toEqual([1_500, 15_000]);
  });
});
