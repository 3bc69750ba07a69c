/** Whose bytes a free lane of a host fetches next. Pure. */
import { hostRate } from "./host-state.ts";
import { type HostState, type JobState, leftBytes, type MirrorState } from "./world.ts";

export interface Choice {
  readonly job: JobState;
  readonly mirror: MirrorState;
}

/** The mirror of `job` on `host` that can be asked now, or null. */
export function mirrorOn(job: JobState, host: HostState, nowMs: number): MirrorState | null {
  if (host.isMute && host.lanes.size > 0 && isServedByOthers(job)) return null;
  const ready = job.mirrors.filter((one) => one.host === host && one.status === "open" && one.restUntilMs <= nowMs);
  return ready.find(({ hasRanges }) => hasRanges || isUntouched(job)) ?? null;
}

/** A host that fell silent is tried with one lane: with more, it would take again at once what others take from it. */
const isServedByOthers = (job: JobState): boolean => [...openHosts(job)].some(({ isMute }) => !isMute);

/** A server that only sends whole files is of use from byte 0, and only while nobody else serves this job. */
function isUntouched({ lanes, pending, size }: JobState): boolean {
  return lanes.size === 0 && pending[0]?.start === 0 && pending[0].end === size;
}

/**
 * Jobs in order of priority, then of arrival, so that files finish one after the other and their digests keep up;
 * but a job that this host's rivals cannot help with, and that would finish last, goes first.
 */
export function chooseJob(jobs: readonly JobState[], host: HostState, nowMs: number): Choice | null {
  const choices = jobs.flatMap((job) => {
    const mirror = job.isEnded || job.pending.length === 0 ? null : mirrorOn(job, host, nowMs);
    return mirror === null ? [] : [{ job, mirror }];
  });
  if (choices.length < 2) return choices[0] ?? null;
  const top = Math.max(...choices.map(({ job }) => job.priority));
  const rivals = choices
    .filter(({ job }) => job.priority === top)
    .sort((one, other) => one.job.order - other.job.order);
  return rivals.find(({ job }) => isCritical(job, jobs)) ?? rivals[0] ?? null;
}

/** True when the job's own mirrors need about as long for it as all mirrors need for everything. */
function isCritical(job: JobState, jobs: readonly JobState[]): boolean {
  const hosts = new Set(jobs.flatMap((one) => [...openHosts(one)]));
  const own = openHosts(job);
  if (own.size === hosts.size) return false;
  const all = rateOf(hosts);
  if (all === 0) return false;
  const everything = jobs.reduce((sum, one) => sum + leftBytes(one), 0);
  return leftBytes(job) / Math.max(1, rateOf(own)) >= 0.8 * (everything / all);
}

/** The hosts of the mirrors that give ranges of the job now. */
export function openHosts({ mirrors }: JobState): ReadonlySet<HostState> {
  return new Set(mirrors.flatMap(({ status, host }) => (status === "open" && host !== null ? [host] : [])));
}

/** Bytes per second of all of them. */
export const rateOf = (hosts: ReadonlySet<HostState>): number =>
  [...hosts].reduce((sum, host) => sum + hostRate(host), 0);
