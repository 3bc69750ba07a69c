/** The torture runs, is the same for the same seed, and its judge sees what is planted. */
import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, readlink, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeBox, type WorldBox } from "../../scripts/torture/box.ts";
import type { Client } from "../../scripts/torture/client.ts";
import { createDurableRecord, durableBytes } from "../../scripts/torture/durable.ts";
import { FAULTS } from "../../scripts/torture/faults.ts";
import { judgeBytes, judgeEnd, judgeFinalNames, judgeLeftovers, judgeSecrets } from "../../scripts/torture/judge.ts";
import { readOptions } from "../../scripts/torture/options.ts";
import { runWorld, type WorldRecord } from "../../scripts/torture/run-world.ts";
import { LIMITS, type Limits } from "../../scripts/torture/scene.ts";
import { SECRETS } from "../../scripts/torture/secrets.ts";
import { openStock, type Stock } from "../../scripts/torture/stock.ts";
import { linesOf, tableOf } from "../../scripts/torture/table.ts";
import { hasLies, type KillPlan, mustSurvive, planWorld, type WorldPlan } from "../../scripts/torture/world.ts";
import { formatJournalEntries, formatJournalHead } from "../../src/transfer/journal.ts";
import type { LoggedRequest } from "../origins/index.ts";

const SMALL = 3;
let folder: string;
let stock: Stock;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "modelferry-torture-test-"));
  stock = await openStock(SMALL);
}, 60_000);

afterAll(async () => {
  await stock?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
}, 60_000);

/** A small world of one process that nothing disturbs, but for what `more` says. */
function calmWorld(number: number, more: Partial<WorldPlan> = {}): WorldPlan {
  return {
    seed: "test",
    number,
    files: [{ stock: 2, name: "weights-2" }],
    idealMs: 800,
    mirrors: [{ kind: "http", share: 1, latencyMs: 0, faults: [] }],
    clients: [{ isPlain: false, delayMs: 0 }],
    kills: [],
    hasDeadHolder: false,
    ...more,
  };
}

async function play(plan: WorldPlan, limits: Partial<Limits> = {}): Promise<WorldRecord> {
  return await runWorld(plan, join(folder, `world-${plan.number}`), { stock, limits: { ...LIMITS, ...limits } });
}

describe("planWorld()", () => {
  it("draws the same world from the same seed, kills and all, and another one from another", () => {
    expect(planWorld("a", 17)).toEqual(planWorld("a", 17));
    expect(planWorld("a", 17)).not.toEqual(planWorld("b", 17));
  });

  it("lets every fault come alone, at a mirror that it suits, within 500 worlds with 1000 kills", () => {
    const plans = Array.from({ length: 500 }, (_, index) => planWorld("any", index + 1));
    const alone = plans
      .map(({ mirrors }) => mirrors.flatMap(({ faults }) => faults))
      .filter(({ length }) => length === 1);
    expect(new Set(alone.flat())).toEqual(new Set(FAULTS.map(({ id }) => id)));
    expect(plans.reduce((sum, { kills }) => sum + kills.length, 0)).toBeGreaterThan(1_000);
    expect(plans.filter((plan) => !mustSurvive(plan)).length).toBeLessThan(200);
    expect(plans.filter(hasLies).length).toBeLessThan(150);
    expect(new Set(plans.map(({ clients }) => clients.length))).toEqual(new Set([1, 2, 3, 4]));
  });
});

describe("readOptions()", () => {
  it("reads the flags, and takes a seed when none is given", () => {
    expect(readOptions(["--minutes", "0.5", "--seed", "x"], "any")).toMatchObject({
      minutes: 0.5,
      worlds: null,
      seed: "x",
    });
    expect(readOptions([], "any")).toMatchObject({ minutes: null, worlds: 20, seed: "any" });
    expect(readOptions(["--only", "7"], "any")).toMatchObject({ only: 7, worlds: 1, parallel: 1 });
    expect(() => readOptions(["--worlds", "many"], "any")).toThrow("--worlds is no number");
  });
});

describe("runWorld()", () => {
  const kill = (moment: KillPlan["moment"], at: number): KillPlan => ({ moment, at, victim: 0 });

  it("survives kills, rivals and a mirror that breaks, and finds nothing wrong", async () => {
    const plan = calmWorld(1, {
      files: [
        { stock: 2, name: "weights-2" },
        { stock: 1, name: "weights-1" },
      ],
      mirrors: [
        { kind: "https", share: 0.5, latencyMs: 5, faults: ["reset", "one-bit"] },
        { kind: "s3", share: 0.5, latencyMs: 5, faults: [] },
      ],
      clients: [
        { isPlain: false, delayMs: 0 },
        { isPlain: true, delayMs: 50 },
      ],
      kills: [kill("moving", 0.3), kill("moving", 0.5)],
    });
    const record = await play(plan);
    expect(record.complaints).toEqual([]);
    expect(record.kills).toEqual(["moving", "moving"]);
    expect(record.isHealed).toBe(false);
  }, 60_000);

  it("sees a refusal as what it is, and recovers once the mirrors are well", async () => {
    const plan = calmWorld(2, { mirrors: [{ kind: "hub", share: 1, latencyMs: 0, faults: ["404-always"] }] });
    const record = await play(plan);
    expect(record.complaints).toEqual([]);
    expect(record).toMatchObject({ isHealed: true, refusals: 2 });
  }, 60_000);

  it("calls a world hung in which nothing moves", async () => {
    const plan = calmWorld(3, { mirrors: [{ kind: "http", share: 1, latencyMs: 0, faults: ["stalls-always"] }] });
    const record = await play(plan, { stillMs: 1_500 });
    expect(record.complaints.map(({ kind }) => kind)).toContain("hung");
    const lines = linesOf(record, "/kept").join("\n");
    expect(lines).toContain("again: npm run torture -- --seed test --only 3");
    expect(tableOf([record], 1).join("\n")).toMatch(/verdict +1 wrong, 0 lost, 1 hung, 0 leaked/);
  });

  it("calls it wrong when a good mirror is there and every run fails", async () => {
    const files = stock.files.map((file) => ({ ...file, bytes: Buffer.alloc(file.bytes.length) }));
    const limits = { ...LIMITS, refusals: 1, lateRefusals: 1 };
    const record = await runWorld(calmWorld(4), join(folder, "world-4"), { stock: { ...stock, files }, limits });
    expect(record.complaints.map(({ message }) => message).join("\n")).toMatch(
      /a good mirror was there[\s\S]*not whole/,
    );
  });
});

describe("the judge", () => {
  let box: WorldBox;

  beforeAll(async () => {
    const at = join(folder, "judged");
    await mkdir(at);
    box = await makeBox(at, calmWorld(9), { mirrors: [], stock });
    await mkdir(dirname(box.files[0]?.path ?? ""), { recursive: true });
  });

  const clientThat = (end: { code: number | null; out?: string; err?: string; isPlain?: boolean }): Client =>
    ({
      isPlain: end.isPlain ?? false,
      end: () => ({ code: end.code, signal: null }),
      output: () => ({ out: end.out ?? "", err: end.err ?? "" }),
      summary: () => (end.out?.startsWith("{") ? JSON.parse(end.out) : null),
    }) as unknown as Client;

  it("sees other bytes under a final name, and a file that nobody asked for", async () => {
    const [file] = box.files;
    const bytes = Buffer.from(stock.files[2]?.bytes ?? []);
    await writeFile(file?.path ?? "", bytes);
    expect(judgeFinalNames(box)).toEqual([]);
    bytes.writeUInt8(bytes.readUInt8(500_000) ^ 1, 500_000);
    await writeFile(file?.path ?? "", bytes);
    await writeFile(join(dirname(file?.path ?? ""), "other.safetensors"), "x");
    expect(judgeFinalNames(box).map(({ kind }) => kind)).toEqual(["wrong", "wrong"]);
  });

  it("sees what is left behind, in the tree and beside it", async () => {
    expect(judgeLeftovers(box)).toEqual([]);
    const { journal } = box.files[0]?.partial ?? { journal: "" };
    await mkdir(dirname(journal), { recursive: true });
    await writeFile(journal, "x");
    await writeFile(join(box.folder, ".models.lock.yaml.tmp"), "x");
    expect(judgeLeftovers(box).map(({ kind }) => kind)).toEqual(["wrong", "wrong"]);
    await rm(journal);
  });

  it("sees a secret in an output, in a state file and at a foreign host", async () => {
    const origins = (headers: object) => ({
      all: [
        {
          own: null,
          isContent: true,
          origin: { url: "http://origin", requests: [{ url: "/a?Signature=signed1", headers }] },
        },
      ],
    });
    const none = { all: [] } as never;
    expect(judgeSecrets(box, [clientThat({ code: 0, out: "all is well" })], none)).toEqual([]);
    const shown = [clientThat({ code: 1, err: `token ${SECRETS.hub}` })];
    expect(judgeSecrets(box, shown, none)).toMatchObject([{ kind: "leaked" }]);
    expect(judgeSecrets(box, [clientThat({ code: 1, out: "signed1" })], origins({}) as never)).toHaveLength(1);
    expect(judgeSecrets(box, [], origins({ authorization: `Bearer ${SECRETS.host}` }) as never)).toHaveLength(1);
    const state = join(box.layout.root, ".modelferry", "receipts", "a.json");
    await mkdir(dirname(state), { recursive: true });
    await writeFile(state, JSON.stringify({ from: `https://h/?sig=${SECRETS.query}` }));
    expect(judgeSecrets(box, [], none)).toMatchObject([{ kind: "leaked" }]);
    await rm(state);
  });

  it("sees an end that no table knows, and a code that does not fit its error", () => {
    const ends = (client: Client): number => judgeEnd(client).length;
    const said = (code: string): string => JSON.stringify({ kind: "summary", error: { code } });
    expect(ends(clientThat({ code: 0 }))).toBe(0);
    expect(ends(clientThat({ code: 4, out: said("DIGEST_MISMATCH") }))).toBe(0);
    expect(ends(clientThat({ code: 1, err: "failed  a  why", isPlain: true }))).toBe(0);
    expect(ends(clientThat({ code: 134 }))).toBe(1);
    expect(ends(clientThat({ code: 1 }))).toBe(1);
    expect(ends(clientThat({ code: 1, out: said("DIGEST_MISMATCH") }))).toBe(1);
    expect(ends(clientThat({ code: 1, isPlain: true, err: "TypeError" }))).toBe(1);
  });

  it("sees bytes that came again without a reason", () => {
    const request = (range: string, bytesSent: number): LoggedRequest => ({ range, bytesSent }) as LoggedRequest;
    const [first, again] = [request("bytes=0-999", 1_000), request("bytes=0-999", 1_000)];
    const facts = { sizes: [1_000], requests: [first, again], stolen: new Set<LoggedRequest>(), retries: 0 };
    expect(judgeBytes({ ...facts, requests: [first], excused: new Set() })).toEqual([]);
    expect(judgeBytes({ ...facts, excused: new Set([first]) })).toEqual([]);
    expect(judgeBytes({ ...facts, excused: new Set(), stolen: new Set([first]) })).toEqual([]);
    expect(judgeBytes({ ...facts, excused: new Set() })).toMatchObject([{ kind: "lost" }]);
  });

  it("sees that durable bytes were not resumed from", async () => {
    const [file] = box.files;
    if (file === undefined) throw new Error("the box has no file");
    await rm(file.path, { force: true });
    await mkdir(dirname(file.partial.journal), { recursive: true });
    await writeFile(file.partial.content, "");
    const range = { start: 0, end: 1_000_000 };
    await writeFile(file.partial.journal, formatJournalHead(file) + formatJournalEntries([{ mirror: "m", range }]));
    expect(durableBytes(file)).toBe(1_000_000);
    const record = createDurableRecord(box.files);
    record.note();
    expect(record.began(file.name, 1_000_000, Infinity)).toEqual([]);
    expect(record.began(file.name, 999_999, Infinity)).toMatchObject([{ kind: "lost" }]);
    // What a process said before the look proves nothing.
    expect(record.began(file.name, 0, 0)).toEqual([]);
  });
});

describe("npm run torture", () => {
  it("leaves no process and no file behind when it is interrupted", async () => {
    const own = await mkdtemp(join(folder, "own-"));
    const main = fileURLToPath(new URL("../../scripts/torture/main.ts", import.meta.url));
    const env = { ...process.env, TMPDIR: own };
    const child = spawn(process.execPath, ["--import", "tsx", main, "--worlds", "4", "--seed", "stop"], { env });
    const ended = new Promise((resolve) => child.once("close", resolve));
    while ((await processesIn(own)).length === 0) await new Promise((resolve) => setTimeout(resolve, 50));
    child.kill("SIGINT");
    expect(await ended).toBe(130);
    expect(await processesIn(own)).toEqual([]);
    // The program that runs TypeScript keeps what it translated.
    expect((await readdir(own)).filter((name) => !name.startsWith("tsx-"))).toEqual([]);
  }, 60_000);
});

/** Numbers of the clients that work below `folder`. */
async function processesIn(place: string): Promise<readonly string[]> {
  const numbers = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const at = await Promise.all(numbers.map((number) => readlink(`/proc/${number}/cwd`).catch(() => "")));
  const commands = await Promise.all(
    numbers.map((number) => readFile(`/proc/${number}/cmdline`, "utf8").catch(() => "")),
  );
  return numbers.filter((_, index) => (at[index] ?? "").startsWith(place) && commands[index]?.includes("models.cjs"));
}
