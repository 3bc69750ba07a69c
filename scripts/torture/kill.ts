/** One SIGKILL: waits for its moment, hits the process that holds a file, and looks at what is left. */
import { existsSync } from "node:fs";
import { systemClock } from "../../src/base/clock.ts";
import type { WantedFile } from "./box.ts";
import type { Client } from "./client.ts";
import { durableBytes } from "./durable.ts";
import { judgeFinalNames } from "./judge.ts";
import { isPlaced, runningOf, type Scene, start, waitFor } from "./scene.ts";
import type { KillPlan } from "./world.ts";

const START_MS = 700;
const PROVE_MS = 60;
const PLACE_MS = 10;
/** What was on its way when the kill came may have been sent a little earlier. */
const ON_ITS_WAY_MS = 250;
/** The last bytes that a dead process's sockets took are counted by then. */
const SETTLE_MS = 25;

/** Kills as `kill` says; false when there is nobody left to kill. */
export async function killAsPlanned(scene: Scene, kill: KillPlan, mostRefusals: number): Promise<boolean> {
  while (!isPlaced(scene) && scene.refusals <= mostRefusals) {
    if (runningOf(scene).length === 0) start(scene, scene.plan.clients[0]?.isPlain ?? false);
    const isDue = await waitFor(scene, momentOf(scene, kill));
    if (!isDue) continue;
    if (kill.moment === "proving") await systemClock.sleep(kill.at * PROVE_MS);
    if (kill.moment === "placing") await systemClock.sleep(kill.at * PLACE_MS);
    const victim = victimOf(scene, kill);
    if (victim !== undefined && (await killOne(scene, victim, kill))) return true;
  }
  return false;
}

/** The condition for which the kill waits, as things are now. */
function momentOf(scene: Scene, { moment, at }: KillPlan): () => boolean {
  const { box, watch } = scene;
  const sentBefore = watch.sentBytes();
  const missing = box.files.reduce((sum, file) => sum + file.size - durableBytes(file), 0);
  const startedMs = performance.now();
  const absent = box.files.filter(({ path }) => !existsSync(path));
  switch (moment) {
    case "start":
      return () => performance.now() - startedMs >= at * START_MS;
    case "moving":
      return () => watch.sentBytes() - sentBefore >= (0.03 + 0.9 * at) * missing;
    case "proving":
      return () => absent.some((file) => durableBytes(file) >= file.size);
    case "placing":
      return () => absent.some(({ path }) => existsSync(path));
    default:
      return moment satisfies never;
  }
}

/** Who holds a file, else any of them. */
function victimOf(scene: Scene, { victim }: KillPlan): Client | undefined {
  const running = runningOf(scene);
  const holders = running.filter((client) => client.holds().size > 0);
  const list = holders.length > 0 ? holders : running;
  return list[victim % list.length];
}

async function killOne(scene: Scene, victim: Client, { moment }: KillPlan): Promise<boolean> {
  const { box, watch } = scene;
  for (const request of watch.openWithin(ON_ITS_WAY_MS)) scene.killed.add(request);
  watch.forgive();
  victim.kill();
  const killedMs = performance.now();
  const rivals = runningOf(scene).filter((client) => client !== victim);
  scene.takeovers.killed(victim, rivals, killedMs);
  const { signal } = await victim.ended;
  if (signal !== "SIGKILL") return false;
  scene.kills.push(moment);
  scene.calmSinceMs = performance.now();
  scene.killedMs = killedMs;
  scene.durable.note();
  scene.complaints.push(...judgeFinalNames(box));
  if (isCalm(scene)) {
    await systemClock.sleep(SETTLE_MS);
    scene.twice.push(...wasteOf(scene, [...victim.holds()]));
  }
  return true;
}

/** Only what a kill costs is measured: no fault, and nobody else who goes on at once. */
const isCalm = ({ plan }: Scene): boolean =>
  plan.clients.length === 1 && plan.mirrors.every(({ faults }) => faults.length === 0);

/** What of each file under way was sent for nothing so far, less what was known before. */
function wasteOf({ box, watch, wasted }: Scene, names: readonly string[]): readonly number[] {
  return box.files
    .filter(({ name }) => names.includes(name))
    .map((file: WantedFile) => {
      const sum = watch.sentOf(file) - durableBytes(file);
      const more = Math.max(0, sum - (wasted.get(file.name) ?? 0));
      wasted.set(file.name, Math.max(0, sum));
      return more / file.size;
    });
}
