/** Many change one lockfile: nobody's models are lost, and nothing is left beside it. */
import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { isModelsError } from "../../src/base/errors.ts";
import { readLock } from "../../src/catalog/lockfile.ts";
import { createChangeLock, sweepLockfile } from "../../src/operations/change-lock.ts";
import { type Child, runProgram } from "./child.ts";

const CHILD = fileURLToPath(new URL("change-lock-child.ts", import.meta.url));
const ROUNDS = 15;
let folder = "";
let path = "";

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "modelferry-lockfile-"));
  path = join(folder, "models.lock.yaml");
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const start = (...args: readonly string[]): Child => runProgram(process.execPath, ["--import", "tsx", CHILD, ...args]);
const changeLock = createChangeLock({ clock: systemClock, readLock });
const names = async (): Promise<readonly string[]> => [...((await readLock(path))?.models.keys() ?? [])];

async function stopInside(): Promise<Child> {
  const child = start(path, "lost", "hold");
  await new Promise<void>((resolve) => child.onLine(() => resolve()));
  return child;
}

async function kill(child: Child): Promise<void> {
  child.process.kill("SIGKILL");
  await child.ended;
}

describe("changeLock()", () => {
  it("loses no model when four processes write at once", async () => {
    const makers = ["a", "b", "c", "d"];
    const ended = await Promise.all(makers.map((who) => start(path, who, "rounds", `${ROUNDS}`).ended));
    expect(ended.map(({ code, err }) => ({ code, err }))).toEqual(makers.map(() => ({ code: 0, err: "" })));
    const all = makers.flatMap((who) => Array.from({ length: ROUNDS }, (_, round) => `${who}-${round}`));
    expect(new Set(await names())).toEqual(new Set(all));
    expect(await readdir(folder)).toEqual(["models.lock.yaml"]);
  }, 60_000);

  it("is not kept from it by a process that was killed in the middle", async () => {
    const child = await stopInside();
    expect(await readdir(folder)).toContain(".models.lock.yaml.lock");
    await kill(child);
    await changeLock(path, () => ({ models: new Map() }));
    await sweepLockfile(path, systemClock);
    expect(await readdir(folder)).toEqual(["models.lock.yaml"]);
  }, 60_000);

  it("writes to what a link leads to, and reads it while the lock is held", async () => {
    await writeFile(path, "version: 1\nmodels: []\n");
    await symlink(path, join(folder, "linked.yaml"));
    let seen: readonly string[] = [];
    await changeLock(join(folder, "linked.yaml"), (lock) => {
      seen = [...(lock?.models.keys() ?? ["none"])];
      return null;
    });
    expect(seen).toEqual([]);
    expect(await readFile(path, "utf8")).toBe("version: 1\nmodels: []\n");
    expect((await readdir(folder)).sort()).toEqual(["linked.yaml", "models.lock.yaml"]);
  });

  it("makes no folder for a lockfile", async () => {
    const error = await changeLock(join(folder, "no", "models.lock.yaml"), () => ({ models: new Map() })).catch(
      (thrown: unknown) => thrown,
    );
    expect(isModelsError(error, "DISK_FAILED") && error.fix).toContain("make its folder exist");
    expect(await readdir(folder)).toEqual([]);
  });
});

describe("sweepLockfile()", () => {
  it("takes away what a killed process left, and nothing of one that is at it", async () => {
    await writeFile(join(folder, "notes.txt"), "a person's");
    const child = await stopInside();
    await sweepLockfile(path, systemClock);
    expect(await readdir(folder)).toHaveLength(3);
    await kill(child);
    await sweepLockfile(path, systemClock);
    expect(await readdir(folder)).toEqual(["notes.txt"]);
  }, 60_000);
});
