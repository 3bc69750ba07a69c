/** Leases: one writer among processes, whoever is killed, paused or copied. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { dirname } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { type Clock, systemClock } from "../../src/base/clock.ts";
import { describeSelf, formatHolder, type Holder, isHolderAlive, parseHolder } from "../../src/tree/holder.ts";
import { createLayout } from "../../src/tree/layout.ts";
import { createLeases, LEASE_TIMINGS, type Lease, takeLease } from "../../src/tree/lease.ts";
import { createStaleJudge } from "../../src/tree/takeover.ts";
import { createTree, type Tree } from "../../src/tree/tree.ts";
import { createTestDigest } from "./digest.ts";
import { makeHome } from "./support.ts";

const CHILD = fileURLToPath(new URL("lease-child.ts", import.meta.url));
const children: ChildProcess[] = [];

afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

interface Child {
  readonly process: ChildProcess;
  readonly line: () => Promise<string | undefined>;
  readonly ended: Promise<void>;
}

function start(args: readonly string[], wrapper: readonly string[] = []): Child {
  const [command = "", ...rest] = [...wrapper, process.execPath, "--import", "tsx", CHILD, ...args];
  const child = spawn(command, rest, { stdio: ["pipe", "pipe", "inherit"] });
  children.push(child);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ended = new Promise<void>((resolve) => void child.on("exit", () => resolve()));
  return { process: child, ended, line: async () => (await lines.next()).value };
}

/** Time that passes only while someone sleeps, and beats only when told. */
function createFakeClock(onSleep: (nowMs: number) => Promise<void> = async () => undefined): Clock & {
  readonly tick: () => void;
} {
  let now = 0;
  const beats = new Set<() => void>();
  return {
    ...systemClock,
    monotonicMs: () => now,
    sleep: async (ms, signal) => {
      now += ms;
      await onSleep(now);
      signal?.throwIfAborted();
    },
    every: (_, run) => {
      beats.add(run);
      return () => void beats.delete(run);
    },
    tick: () => {
      for (const run of beats) run();
    },
  };
}

const patient = { signal: new AbortController().signal, wait: true, onWait: () => undefined };
const hasty = { ...patient, wait: false };

async function createTestTree(): Promise<{ root: string; tree: Tree; lockOf: (key: string) => string }> {
  const root = await makeHome();
  const tree = createTree(root, { clock: systemClock, digest: createTestDigest() });
  return { root, tree, lockOf: createLayout(root).lockOf };
}

async function leaveLock(path: string, holder: Holder, beat = 0): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, formatHolder(holder, beat));
}

/** The number of a process that has just ended. */
function deadPid(): number {
  return Number(execFileSync("sh", ["-c", "echo $$"], { encoding: "utf8" }));
}

describe("lease()", () => {
  it("refuses a second holder in the same process until the first is disposed of", async () => {
    const { tree, root } = await createTestTree();
    const first = await tree.lease("flux", hasty);
    await expect(tree.lease("flux", hasty)).rejects.toMatchObject({
      code: "LOCKED",
      message: expect.stringContaining(`process ${process.pid}`),
    });
    await using other = await tree.lease("other", hasty);
    expect(other.lost.aborted).toBe(false);
    await first[Symbol.asyncDispose]();
    await using _second = await tree.lease("flux", hasty);
    expect((await readdir(`${root}/.modelferry/locks`)).sort()).toEqual(["flux.lock", "other.lock"]);
    expect(await readdir(`${root}/.modelferry/tmp`)).toHaveLength(1);
  });

  it("holds all locks by one file, which goes with the last of them", async () => {
    const { tree, root, lockOf } = await createTestTree();
    const leases = await Promise.all(["one", "two", "three"].map((key) => tree.lease(key, hasty)));
    const [badge = ""] = await readdir(`${root}/.modelferry/tmp`);
    const files = [...["one", "two", "three"].map(lockOf), `${root}/.modelferry/tmp/${badge}`];
    expect(new Set(files.map((path) => statSync(path).ino)).size).toBe(1);
    await Promise.all(leases.map((lease) => lease[Symbol.asyncDispose]()));
    expect(await readdir(`${root}/.modelferry/locks`)).toEqual([]);
    expect(await readdir(`${root}/.modelferry/tmp`)).toEqual([]);
    await using again = await tree.lease("one", hasty);
    expect(again.lost.aborted).toBe(false);
  });

  it("lets a key that was taken away be taken again, and its first holder leave the new lock alone", async () => {
    const { root, lockOf } = await createTestTree();
    const clock = createFakeClock();
    const take = createLeases({ layout: createLayout(root), clock, timings: LEASE_TIMINGS });
    await mkdir(dirname(lockOf("flux")), { recursive: true });
    await mkdir(`${root}/.modelferry/tmp`, { recursive: true });
    const first = await take("flux", hasty);
    await rm(lockOf("flux"));
    clock.tick();
    await expect.poll(() => first.lost.aborted).toBe(true);
    await using _second = await take("flux", hasty);
    await first[Symbol.asyncDispose]();
    expect(existsSync(lockOf("flux"))).toBe(true);
  });

  it("makes the folders that a download needs", async () => {
    const { tree, root } = await createTestTree();
    await using _lease = await tree.lease("flux", hasty);
    expect((await readdir(`${root}/.modelferry`)).sort()).toEqual(["locks", "partial", "receipts", "tmp"]);
  });

  it("waits for the holder, tells about it now and then, and gets the lock at last", async () => {
    const root = await makeHome();
    const layout = createLayout(root);
    const told: string[] = [];
    let first: Lease | null = null;
    const clock = createFakeClock(async (now) => {
      if (now > 11_000) await first?.[Symbol.asyncDispose]();
    });
    const parts = { layout, clock, timings: LEASE_TIMINGS };
    first = await takeLease(parts, "flux", hasty);
    await using _second = await takeLease(parts, "flux", { ...patient, onWait: (holder) => told.push(holder) });
    expect(told).toHaveLength(3);
    expect(told[0]).toMatch(/^process \d+ on /);
  });

  it("stops waiting when it is told to", async () => {
    const { tree } = await createTestTree();
    await using _first = await tree.lease("flux", hasty);
    const stop = new AbortController();
    const onWait = (): void => stop.abort(new Error("enough"));
    await expect(tree.lease("flux", { signal: stop.signal, wait: true, onWait })).rejects.toThrow("enough");
  });

  it("takes a lock over at once when its holder's process is gone", async () => {
    const { tree, lockOf } = await createTestTree();
    const self = await describeSelf("gone");
    await leaveLock(lockOf("flux"), { ...self, pid: deadPid() });
    await using lease = await tree.lease("flux", hasty);
    expect(lease.lost.aborted).toBe(false);
  });

  it("hostile 60: takes a lock over whose holder's number belongs to another process now", async () => {
    const { tree, lockOf } = await createTestTree();
    const self = await describeSelf("gone");
    await leaveLock(lockOf("flux"), { ...self, start: "1" });
    await using lease = await tree.lease("flux", hasty);
    expect(lease.lost.aborted).toBe(false);
  });

  it("takes over from a rival that died in the middle of taking over", async () => {
    const { tree, lockOf, root } = await createTestTree();
    const dead = { ...(await describeSelf("gone")), pid: deadPid() };
    await leaveLock(lockOf("flux"), dead);
    await leaveLock(`${lockOf("flux")}.claim`, { ...dead, token: "rival" });
    await leaveLock(`${lockOf("flux")}.claim.claim`, { ...dead, token: "rival's rival" });
    await using _lease = await tree.lease("flux", hasty);
    expect(await readdir(`${root}/.modelferry/locks`)).toEqual(["flux.lock"]);
  });

  it.each(["", "{", "null", '{"host":1}', "\u0000".repeat(300)])(
    "takes over a lock that says %j in the end",
    async (text) => {
      const root = await makeHome();
      const layout = createLayout(root);
      await mkdir(dirname(layout.lockOf("flux")), { recursive: true });
      await writeFile(layout.lockOf("flux"), text);
      const parts = { layout, clock: createFakeClock(), timings: LEASE_TIMINGS };
      await expect(takeLease(parts, "flux", hasty)).rejects.toMatchObject({ code: "LOCKED" });
      await using lease = await takeLease(parts, "flux", patient);
      expect(lease.lost.aborted).toBe(false);
    },
  );

  it("waits 10 s for a holder on another machine that gives no sign, and never for one that does", async () => {
    const root = await makeHome();
    const layout = createLayout(root);
    const remote: Holder = { host: "elsewhere", pid: 7, pidSpace: "other", start: "1", token: "remote" };
    await leaveLock(layout.lockOf("flux"), remote);
    let gotAt: number | null = null;
    const clock = createFakeClock(async (now) => {
      gotAt = now;
      if (now < 60_000) await leaveLock(layout.lockOf("flux"), remote, Math.floor(now / 2000));
    });
    await using _lease = await takeLease({ layout, clock, timings: LEASE_TIMINGS }, "flux", patient);
    expect(gotAt).toBeGreaterThan(60_000 + 8000);
    expect(gotAt).toBeLessThan(60_000 + 15_000);
  });

  it("tells a holder that lost its lock, and leaves the new holder's alone", async () => {
    const root = await makeHome();
    const layout = createLayout(root);
    const clock = createFakeClock();
    const lease = await takeLease({ layout, clock, timings: LEASE_TIMINGS }, "flux", hasty);
    const lost = new Promise<void>((resolve) => void lease.lost.addEventListener("abort", () => resolve()));
    const thief: Holder = { host: "elsewhere", pid: 7, pidSpace: "other", start: "1", token: "thief" };
    await rm(layout.lockOf("flux"));
    await leaveLock(layout.lockOf("flux"), thief);
    clock.tick();
    await lost;
    expect(lease.lost.reason).toMatchObject({ code: "LEASE_LOST", message: expect.stringContaining("elsewhere") });
    await lease[Symbol.asyncDispose]();
    expect(parseHolder(await readFile(layout.lockOf("flux"), "utf8"))).toEqual(thief);
  });

  it("beats in place, one length for all beats", async () => {
    const root = await makeHome();
    const layout = createLayout(root);
    const clock = createFakeClock();
    const lease = await takeLease({ layout, clock, timings: LEASE_TIMINGS }, "flux", hasty);
    const before = await readFile(layout.lockOf("flux"), "utf8");
    clock.tick();
    await expect.poll(() => readFile(layout.lockOf("flux"), "utf8")).not.toBe(before);
    expect(await readFile(layout.lockOf("flux"), "utf8")).toHaveLength(before.length);
    expect(lease.lost.aborted).toBe(false);
    await lease[Symbol.asyncDispose]();
    expect(existsSync(layout.lockOf("flux"))).toBe(false);
  });

  it("lets exactly one of many contenders take a stale lock, again and again", async () => {
    const { tree, lockOf } = await createTestTree();
    const dead = { ...(await describeSelf("gone")), pid: deadPid() };
    for (let round = 0; round < 15; round += 1) {
      await leaveLock(lockOf("flux"), { ...dead, token: `gone ${round}` });
      const tries = Array.from({ length: 12 }, () => tree.lease("flux", hasty).catch(() => null));
      const leases = (await Promise.all(tries)).filter((lease) => lease !== null);
      expect(leases).toHaveLength(1);
      await leases[0]?.[Symbol.asyncDispose]();
    }
  });
});

describe("lease() among processes", () => {
  it("is taken over at once from a holder that was killed", async () => {
    const { root, tree } = await createTestTree();
    const holder = start([root, "flux", "hold"]);
    expect(await holder.line()).toBe("held");
    await expect(tree.lease("flux", hasty)).rejects.toMatchObject({ code: "LOCKED" });
    holder.process.kill("SIGKILL");
    await holder.ended;
    await using lease = await tree.lease("flux", hasty);
    expect(lease.lost.aborted).toBe(false);
  });

  it("is never taken from a holder that stands still on this machine", async () => {
    const { root } = await createTestTree();
    const holder = start([root, "flux", "hold"]);
    expect(await holder.line()).toBe("held");
    holder.process.kill("SIGSTOP");
    const stop = new AbortController();
    const clock = createFakeClock(async (now) => {
      if (now > 120_000) stop.abort(new Error("two minutes"));
    });
    const parts = { layout: createLayout(root), clock, timings: LEASE_TIMINGS };
    await expect(takeLease(parts, "flux", { ...patient, signal: stop.signal })).rejects.toThrow("two minutes");
    holder.process.kill("SIGCONT");
    holder.process.stdin?.write("go\n");
    expect(await holder.line()).toBe("done");
  });

  it("lets one of eight in at a time, beginning with a lock left behind", async () => {
    const { root } = await createTestTree();
    const victim = start([root, "flux", "hold"]);
    expect(await victim.line()).toBe("held");
    victim.process.kill("SIGKILL");
    await victim.ended;
    const contenders = Array.from({ length: 8 }, () => start([root, "flux", "rounds", "5"]));
    expect(await Promise.all(contenders.map(({ line }) => line()))).toEqual(Array(8).fill("done"));
    const rounds = (await readFile(`${root}/rounds`, "utf8")).trim().split("\n");
    expect(rounds).toHaveLength(40);
    expect(new Set(rounds).size).toBe(8);
    expect(await readdir(`${root}/.modelferry/locks`)).toEqual([]);
    // What the victim held its lock by lies there until somebody sweeps.
    expect(await readdir(`${root}/.modelferry/tmp`)).toHaveLength(1);
    await createTree(root, { clock: systemClock, digest: createTestDigest() }).sweep();
    expect(await readdir(`${root}/.modelferry/tmp`)).toEqual([]);
  });

  it.skipIf(userInfo().uid !== 0 || !existsSync("/usr/bin/unshare"))(
    "is not taken from a container of the same host name, whose process numbers mean nothing here",
    async () => {
      const { root, tree } = await createTestTree();
      const holder = start([root, "flux", "hold"], ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]);
      expect(await holder.line()).toBe("held");
      await expect(tree.lease("flux", hasty)).rejects.toMatchObject({ code: "LOCKED" });
      holder.process.stdin?.write("go\n");
      expect(await holder.line()).toBe("done");
    },
  );
});

describe("isHolderAlive()", () => {
  it("knows this process, a dead one and a reused number, and not other machines", async () => {
    const self = await describeSelf("self");
    expect(await isHolderAlive(self, self)).toBe(true);
    expect(await isHolderAlive({ ...self, pid: deadPid() }, self)).toBe(false);
    expect(await isHolderAlive({ ...self, start: "1" }, self)).toBe(false);
    expect(await isHolderAlive({ ...self, pidSpace: "other" }, self)).toBeNull();
    expect(await isHolderAlive({ ...self, host: "other" }, self)).toBeNull();
    const vague = { ...self, pidSpace: null, start: null };
    expect(await isHolderAlive(vague, vague)).toBeNull();
  });

  it("takes a process that ended without being waited for as gone", async () => {
    const self = await describeSelf("self");
    const parent = spawn("sh", ["-c", "sleep 0.3 & echo $!; exec sleep 60"], { stdio: ["ignore", "pipe", "inherit"] });
    children.push(parent);
    const line = (await createInterface({ input: parent.stdout })[Symbol.asyncIterator]().next()).value as string;
    const stat = async (): Promise<readonly string[]> =>
      (await readFile(`/proc/${line}/stat`, "utf8")).replace(/^.*\) /s, "").split(" ");
    await expect.poll(async () => (await stat())[0]).toBe("Z");
    expect(await isHolderAlive({ ...self, pid: Number(line), start: (await stat())[19] ?? "" }, self)).toBe(false);
  });
});

describe("createStaleJudge()", () => {
  it("does not blame the holder for a pause of its own", async () => {
    const remote: Holder = { host: "elsewhere", pid: 7, pidSpace: "other", start: "1", token: "remote" };
    const clock = createFakeClock();
    const isStale = createStaleJudge(await describeSelf("self"), clock, 10_000);
    const text = formatHolder(remote, 1);
    expect(await isStale("lock", text)).toBe(false);
    await clock.sleep(3_600_000);
    expect(await isStale("lock", text)).toBe(false);
    for (let look = 0; look < 4; look += 1) await clock.sleep(2000).then(() => isStale("lock", text));
    expect(await isStale("lock", text)).toBe(true);
    expect(await isStale("lock", formatHolder(remote, 2))).toBe(false);
  });
});
