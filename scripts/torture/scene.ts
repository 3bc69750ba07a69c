/** One world while it runs: its servers, its clients so far, and all that was noticed. */
import { existsSync } from "node:fs";
import { systemClock } from "../../src/base/clock.ts";
import type { Event } from "../../src/base/events.ts";
import type { LoggedRequest } from "../../tests/origins/index.ts";
import { DEAD_HOST, makeBox, type WorldBox } from "./box.ts";
import { type Client, startClient } from "./client.ts";
import { createDurableRecord, type DurableRecord } from "./durable.ts";
import { type Complaint, judgeEnd } from "./judge.ts";
import type { WorldOrigins } from "./origins.ts";
import type { Stock } from "./stock.ts";
import { createTakeovers, type Takeovers } from "./takeovers.ts";
import { createWatch, type Watch } from "./watch.ts";
import { hasLies, type Moment, type WorldPlan } from "./world.ts";

export interface Scene {
  readonly plan: WorldPlan;
  readonly limits: Limits;
  readonly box: WorldBox;
  readonly origins: WorldOrigins;
  readonly watch: Watch;
  readonly durable: DurableRecord;
  readonly takeovers: Takeovers;
  readonly clients: Client[];
  readonly complaints: Complaint[];
  readonly kills: Moment[];
  /** Requests that a kill ended. */
  readonly killed: Set<LoggedRequest>;
  /** What each kill cost, as a share of the file: in calm worlds with one client, where nothing else costs any. */
  readonly twice: number[];
  /** Bytes that were sent for nothing so far, by file. */
  readonly wasted: Map<string, number>;
  readonly startedMs: number;
  /** Since when nothing but the clients themselves stands in the way. */
  calmSinceMs: number;
  /** When the last client was killed. */
  killedMs: number;
  refusals: number;
  isHealed: boolean;
}

/** Nothing moves any more. */
export class WorldHung extends Error {}

/** What a world is allowed. */
export interface Limits {
  /** How long nothing may move: a process whose last mirror is silent gives up after 90 s, and says so. */
  readonly stillMs: number;
  readonly worldMs: number;
  /** How often processes may say no before the mirrors are made well, with one among them that is of use all along. */
  readonly refusals: number;
  /** The same without one. */
  readonly hopelessRefusals: number;
  /** And once they are well: what was asked for before may still be under way. */
  readonly lateRefusals: number;
}

export const LIMITS: Limits = {
  stillMs: 120_000,
  worldMs: 300_000,
  refusals: 6,
  hopelessRefusals: 2,
  lateRefusals: 4,
};
const LOOK_MS = 4;

export async function setScene(
  plan: WorldPlan,
  folder: string,
  { origins, stock, limits }: { readonly origins: WorldOrigins; readonly stock: Stock; readonly limits: Limits },
): Promise<Scene> {
  const box = await makeBox(folder, plan, { mirrors: origins.mirrors, stock });
  return {
    plan,
    limits,
    box,
    origins,
    watch: createWatch(origins, box.files),
    durable: createDurableRecord(box.files),
    takeovers: createTakeovers(box, plan.hasDeadHolder ? DEAD_HOST : null),
    clients: [],
    complaints: [],
    kills: [],
    killed: new Set(),
    twice: [],
    wasted: new Map(),
    startedMs: performance.now(),
    calmSinceMs: performance.now(),
    killedMs: 0,
    refusals: 0,
    isHealed: false,
  };
}

/** Starts one more client; what becomes of it is noticed. */
export function start(scene: Scene, isPlain: boolean): void {
  const { box, takeovers, durable, complaints, clients, plan } = scene;
  const onEvent = (event: Event): void => {
    if (event.kind === "waiting" && event.on === "lock" && event.model !== null) takeovers.waits(event.model);
    if (event.kind !== "file-started" || hasLies(plan)) return;
    complaints.push(...durable.began(event.model, event.resumedBytes, event.time));
  };
  const client = startClient({ ...box, isPlain, onEvent });
  clients.push(client);
  void client.ended.then(({ code, signal }) => {
    complaints.push(...judgeEnd(client));
    if (signal !== "SIGKILL" && code !== 0) scene.refusals += 1;
  });
}

export const runningOf = ({ clients }: Scene): readonly Client[] => clients.filter((client) => client.end() === null);

/** True when every file has its final name. */
export const isPlaced = ({ box }: Scene): boolean => box.files.every(({ path }) => existsSync(path));

/**
 * Waits until `isDue` or no client runs any more; true in the first case.
 * @throws WorldHung when nothing moves for too long, or there is no end
 */
export async function waitFor(scene: Scene, isDue: () => boolean): Promise<boolean> {
  let pulse = "";
  let movedMs = performance.now();
  while (!isDue()) {
    const running = runningOf(scene);
    if (running.length === 0) return false;
    await systemClock.sleep(LOOK_MS);
    const now = `${running.length} ${scene.watch.pulse()}`;
    if (now !== pulse) movedMs = performance.now();
    pulse = now;
    const { stillMs, worldMs } = scene.limits;
    if (performance.now() - movedMs > stillMs)
      throw new WorldHung(`nothing moved for ${stillMs / 1_000} s${lastWords(scene)}`);
    if (performance.now() - scene.startedMs > worldMs) throw new WorldHung(`no end after ${worldMs / 1_000} s`);
  }
  return true;
}

/** What the processes that run said last, for whoever has to find out why. */
function lastWords(scene: Scene): string {
  const words = runningOf(scene).map((client) => {
    const { out, err } = client.output();
    return `; it said last: ${out.trim().split("\n").slice(-3).join(" ").slice(-1_200)} ${err.trim().slice(-300)}`;
  });
  return words.join("");
}
