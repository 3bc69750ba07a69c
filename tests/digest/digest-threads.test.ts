import { describe, expect, it } from "vitest";
import { createDigestThreads } from "../../src/digest/digest-threads.ts";
import { type PlayedThread, playThread } from "../threads.ts";

function play(most: number) {
  const threads: PlayedThread[] = [];
  const made = createDigestThreads(most, () => {
    const thread = playThread();
    threads.push(thread);
    return thread;
  });
  return { threads, ...made };
}
const nothing = (): void => undefined;

describe("createDigestThreads()", () => {
  it("starts a thread when all are busy, up to the most, then shares the least busy", () => {
    const { threads, begin } = play(2);
    const first = begin("a", nothing);
    begin("b", nothing);
    begin("c", nothing);
    expect(threads).toHaveLength(2);
    threads[0]?.say({ kind: "digest", id: first.id, hex: "00" });
    const host = threads[0];
    const next = begin("d", nothing);
    next.post({ kind: "advance", id: next.id, end: 1 });
    expect(host?.heard).toContainEqual({ kind: "advance", id: next.id, end: 1 });
  });

  it("fails the tasks of a thread that crashed, and asks a new one next time", async () => {
    const { threads, begin } = play(1);
    const task = begin("/some/file", nothing);
    threads[0]?.crash(new Error("out of memory"));
    await expect(task.answer).rejects.toMatchObject({
      code: "DISK_FAILED",
      message: expect.stringContaining("memory"),
    });
    task.post({ kind: "advance", id: task.id, end: 5 });
    task.cancel(new Error("late"));
    const next = begin("other", nothing);
    expect(threads).toHaveLength(2);
    threads[1]?.say({ kind: "digest", id: next.id, hex: "abc" });
    expect(await next.answer).toBe("abc");
  });

  it("keeps the process alive while a task is under way, no longer", async () => {
    const { threads, begin } = play(1);
    const [one, two] = [begin("a", nothing), begin("b", nothing)];
    threads[0]?.say({ kind: "digest", id: one.id, hex: "1" });
    expect(threads[0]?.isReferenced()).toBe(true);
    two.cancel(new Error("enough"));
    expect(threads[0]?.isReferenced()).toBe(false);
    await expect(two.answer).rejects.toThrow("enough");
  });

  it("answers once, whatever is said afterwards", async () => {
    const { threads, begin } = play(1);
    const seen: number[] = [];
    const task = begin("a", (position) => seen.push(position));
    threads[0]?.say({ kind: "at", id: task.id, position: 7 });
    task.cancel(new Error("enough"));
    threads[0]?.say({ kind: "at", id: task.id, position: 9 });
    threads[0]?.say({ kind: "digest", id: task.id, hex: "1" });
    await expect(task.answer).rejects.toThrow("enough");
    expect(seen).toEqual([7]);
  });

  it("rejects with INTERRUPTED what is under way at the close, and what comes later", async () => {
    const { begin, close } = play(1);
    const task = begin("a", nothing);
    await close();
    await expect(task.answer).rejects.toMatchObject({ code: "INTERRUPTED" });
    expect(() => begin("b", nothing)).toThrow(/closed/);
  });
});
