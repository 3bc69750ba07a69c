/** Every fault of the torture, in one table. */
import { ANSWER_FAULTS } from "./answer-faults.ts";
import { CONNECTION_FAULTS } from "./connection-faults.ts";
import type { MirrorKind, TortureFault } from "./fault.ts";
import { REDIRECT_FAULTS } from "./redirect-faults.ts";

export const FAULTS: readonly TortureFault[] = [...CONNECTION_FAULTS, ...ANSWER_FAULTS, ...REDIRECT_FAULTS];

const byId = new Map(FAULTS.map((fault) => [fault.id, fault]));

/** @throws RangeError for an id that is not in the table */
export function faultOf(id: string): TortureFault {
  const found = byId.get(id);
  if (found === undefined) throw new RangeError(`there is no fault ${id}`);
  return found;
}

/** True when `fault` can happen at a mirror of this kind. */
export function suits(fault: TortureFault, kind: MirrorKind): boolean {
  return fault.kinds?.includes(kind) ?? true;
}

/** True when a mirror with this fault stays of no use. */
export function isFatal({ course }: TortureFault): boolean {
  return course === "fatal" || course === "fatal-slowly";
}
