/** Worlds drawn at random: mirrors that are steady, and mirrors to which things happen. */
import fc from "fast-check";
import type { SimulatedHost, SimulatedJob } from "./simulated-world.ts";

const MB = 1_000_000;

export interface SimulatedWorld {
  readonly hosts: readonly SimulatedHost[];
  readonly jobs: readonly SimulatedJob[];
}

/** A host that is filled by one to twelve connections. */
const hostFrom = (leastMbs: number): fc.Arbitrary<SimulatedHost> =>
  fc
    .record({
      capacity: fc.integer({ min: leastMbs, max: 400 }).map((mbs) => mbs * MB),
      lanesToFill: fc.integer({ min: 1, max: 12 }),
      latencyMs: fc.integer({ min: 0, max: 200 }),
    })
    .map(({ capacity, lanesToFill, latencyMs }) => ({ capacity, perLane: capacity / lanesToFill, latencyMs }));

const rateOf = (hosts: readonly SimulatedHost[]): number => hosts.reduce((sum, { capacity }) => sum + capacity, 0);

/** One file on one to three hosts to which nothing happens, of 5 to 60 seconds. */
export const steadyWorld: fc.Arbitrary<SimulatedWorld> = fc
  .tuple(fc.array(hostFrom(2), { minLength: 1, maxLength: 3 }), fc.integer({ min: 5, max: 60 }))
  .map(([hosts, seconds]) => ({
    hosts,
    jobs: [{ id: "a", size: Math.round(rateOf(hosts) * seconds), hosts: hosts.map((_, index) => index) }],
  }));

const anyMoment = fc.integer({ min: 0, max: 15_000 });

/** What happens to a host that serves to the end. */
const trouble: fc.Arbitrary<Partial<SimulatedHost>> = fc.oneof(
  fc.constant({}),
  fc.constant({ straggler: 0.01 }),
  fc
    .tuple(anyMoment, fc.integer({ min: 500, max: 5_000 }))
    .map(([fromMs, lengthMs]) => ({ isBusy: { fromMs, untilMs: fromMs + lengthMs } })),
  fc.tuple(anyMoment, fc.constantFrom(0.2, 0.5, 2, 4)).map(([atMs, factor]) => ({ shift: { atMs, factor } })),
);

/** What ends a host. */
const loss: fc.Arbitrary<Partial<SimulatedHost>> = fc.oneof(
  anyMoment.map((diesAtMs) => ({ diesAtMs })),
  anyMoment.map((hangsAtMs) => ({ hangsAtMs })),
);

/** One to three files of different priorities on one to three hosts, of which the first, which has all of them, serves to the end. */
export const troubledWorld: fc.Arbitrary<SimulatedWorld> = fc
  .record({
    first: fc.tuple(hostFrom(10), trouble),
    others: fc.array(fc.tuple(hostFrom(10), fc.oneof(trouble, loss)), { maxLength: 2 }),
    jobs: fc.array(
      fc.record({
        seconds: fc.integer({ min: 1, max: 15 }),
        priority: fc.integer({ min: 0, max: 2 }),
        isOn: fc.tuple(fc.boolean(), fc.boolean()),
      }),
      { minLength: 1, maxLength: 3 },
    ),
  })
  .map(({ first, others, jobs }) => {
    const hosts = [first, ...others].map(([host, more]) => ({ ...host, ...more }));
    // However the others end, the first host is done with the rest in a minute.
    const rate = Math.min(rateOf(hosts), 4 * first[0].capacity * Math.min(1, first[1].shift?.factor ?? 1));
    const size = (seconds: number): number => Math.round((rate * seconds) / jobs.length);
    return {
      hosts,
      jobs: jobs.map(({ seconds, priority, isOn }, index) => ({
        id: `job ${index}`,
        size: size(seconds),
        priority,
        hosts: hosts.map((_, host) => host).filter((host) => host === 0 || isOn[host - 1] === true),
      })),
    };
  });
