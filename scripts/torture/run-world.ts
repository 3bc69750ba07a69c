/** Runs one world: servers up, clients started and killed as planned, until every file is whole; then it is judged. */
import { mkdir } from "node:fs/promises";
import { systemClock } from "../../src/base/clock.ts";
import { type Complaint, isWhole, judgeBytes, judgeFinalNames, judgeLeftovers, judgeSecrets } from "./judge.ts";
import { killAsPlanned } from "./kill.ts";
import { openOrigins } from "./origins.ts";
import { isPlaced, LIMITS, type Limits, runningOf, type Scene, setScene, start, WorldHung, waitFor } from "./scene.ts";
import type { Stock } from "./stock.ts";
import { hasLies, type Moment, mustSurvive, type WorldPlan } from "./world.ts";

export interface WorldRecord {
  readonly plan: WorldPlan;
  readonly complaints: readonly Complaint[];
  readonly kills: readonly Moment[];
  /** Processes that ended by themselves with an error. */
  readonly refusals: number;
  /** Whether its mirrors had to be made well before it could end. */
  readonly isHealed: boolean;
  readonly sentBytes: number;
  readonly wholeBytes: number;
  /** From the last kill (or the healing) until a process had everything. */
  readonly recoveryMs: number;
  readonly twice: readonly number[];
  readonly takeoverMs: readonly number[];
  readonly deadHolderMs: readonly number[];
  readonly silenceMs: readonly number[];
  readonly elapsedMs: number;
}

const LOOK_MS = 4;
const LONGEST_TAKEOVER_MS = 15_000;
const LONGEST_SILENCE_MS = 10_000;
const SILENT_FAULTS: ReadonlySet<string> = new Set(["stall", "stall-head", "torn-head", "stalls-always", "slowloris"]);

/** Runs `plan` in `folder`, which is made. */
export async function runWorld(
  plan: WorldPlan,
  folder: string,
  { stock, limits = LIMITS }: { readonly stock: Stock; readonly limits?: Limits },
): Promise<WorldRecord> {
  await mkdir(folder, { recursive: true });
  await using origins = await openOrigins(plan, stock);
  const scene = await setScene(plan, folder, { origins, stock, limits });
  const stopLooking = systemClock.every(LOOK_MS, () => {
    scene.watch.look();
    scene.takeovers.look();
  });
  try {
    await play(scene);
  } catch (error) {
    if (!(error instanceof WorldHung)) throw error;
    scene.complaints.push({ kind: "hung", message: error.message });
  } finally {
    stopLooking();
    for (const client of runningOf(scene)) client.kill();
    await Promise.all(scene.clients.map(({ ended }) => ended));
  }
  return record(scene);
}

async function play(scene: Scene): Promise<void> {
  const { plan, limits } = scene;
  const mostRefusals = mustSurvive(plan) ? limits.refusals : limits.hopelessRefusals;
  for (const client of plan.clients) {
    await systemClock.sleep(client.delayMs);
    start(scene, client.isPlain);
  }
  for (const kill of plan.kills) if (!(await killAsPlanned(scene, kill, mostRefusals - 1))) break;
  await finish(scene, mostRefusals);
}

/**
 * Lets the clients end, and starts one more as long as something is missing, or none came after the last kill: what a
 * killed process left is the next one's to remove, and those who ran beside it may have looked before.
 */
async function finish(scene: Scene, mostRefusals: number): Promise<void> {
  for (;;) {
    await waitFor(scene, () => false);
    await Promise.all(scene.clients.map(({ ended }) => ended));
    const last = scene.clients.at(-1);
    if (last?.end()?.code === 0 && last.startedMs > scene.killedMs && isPlaced(scene)) return;
    if (scene.refusals >= mostRefusals && !scene.isHealed) await heal(scene);
    if (scene.isHealed && scene.refusals >= mostRefusals + scene.limits.lateRefusals) return;
    start(scene, false);
  }
}

async function heal(scene: Scene): Promise<void> {
  const { plan, complaints } = scene;
  if (mustSurvive(plan)) {
    const last = scene.clients.at(-1)?.output();
    const why = `${last?.out.slice(-700)}${last?.err.slice(-300)}`;
    complaints.push({ kind: "wrong", message: `a good mirror was there, and ${scene.refusals} runs failed: ${why}` });
  }
  scene.isHealed = true;
  await scene.origins.heal();
  scene.calmSinceMs = performance.now();
}

function record(scene: Scene): WorldRecord {
  const { plan, box, watch, takeovers, complaints, kills, refusals, isHealed, twice } = scene;
  const elapsedMs = performance.now() - scene.startedMs;
  const sizes = box.files.map(({ size }) => size);
  return {
    plan,
    complaints: [...complaints, ...judgeWorld(scene)],
    kills,
    refusals,
    isHealed,
    sentBytes: watch.sentBytes(),
    wholeBytes: sizes.reduce((sum, size) => sum + size, 0),
    recoveryMs: performance.now() - scene.calmSinceMs,
    twice,
    takeoverMs: takeovers.here(),
    deadHolderMs: takeovers.elsewhere(),
    silenceMs: silencesOf(scene),
    elapsedMs,
  };
}

function judgeWorld(scene: Scene): readonly Complaint[] {
  const { plan, box, watch, origins, clients, takeovers } = scene;
  const missing = box.files.filter((file) => !isWhole(file));
  const retries = hasLies(plan) ? plan.mirrors.length * clients.length : 0;
  const excused = new Set([...scene.killed, ...origins.touched]);
  return [
    ...missing.map(({ name }): Complaint => ({ kind: "wrong", message: `${name} is not whole at the end` })),
    ...judgeFinalNames(box),
    ...(missing.length > 0 ? [] : judgeLeftovers(box)),
    ...judgeSecrets(box, clients, origins),
    ...judgeBytes({
      sizes: box.files.map(({ size }) => size),
      requests: watch.requests(),
      excused,
      stolen: watch.stolen(),
      retries,
    }),
    ...tooLong(
      [...takeovers.here(), ...takeovers.elsewhere()],
      LONGEST_TAKEOVER_MS,
      "a dead holder's file was taken over",
    ),
    ...tooLong(silencesOf(scene), LONGEST_SILENCE_MS, "a silent mirror was given up"),
  ];
}

/** Who falls silent again and again is known to be slow and waited for: only a first silence must be found soon. */
function silencesOf({ plan, watch }: Scene): readonly number[] {
  const isFirst = plan.mirrors.every(({ faults }) => {
    const silent = faults.filter((id) => SILENT_FAULTS.has(id));
    return silent.length <= 1 && !silent.includes("stalls-always");
  });
  return isFirst ? watch.silences() : [];
}

function tooLong(times: readonly number[], mostMs: number, what: string): readonly Complaint[] {
  return times
    .filter((ms) => ms > mostMs)
    .map((ms) => ({ kind: "hung", message: `${what} after ${(ms / 1_000).toFixed(1)} s only` }));
}
