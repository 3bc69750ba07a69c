/** Events as newline-delimited JSON: one a line, each with its kind and time first. Pure. */
import type { Event } from "../base/events.ts";

/** `event` as one line with its line break. `time` is milliseconds since 1970. */
export function ndjsonLine(event: Event): string {
  const { kind, time } = event;
  return `${JSON.stringify(Object.assign({ kind, time }, event))}\n`;
}
