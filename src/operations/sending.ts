/** What is on its way into a bucket, told as progress four times a second. */
import type { Clock } from "../base/clock.ts";
import type { FileProgress, Report } from "../base/events.ts";
import { createMeter, type Meter } from "../transfer/meter.ts";

export interface SendingFile {
  /** Counts bytes; negative when a try was thrown away. */
  readonly add: (bytes: number) => void;
  readonly end: () => void;
}

export interface Sending {
  /** Begins to tell about a file of which `doneBytes` are there. */
  readonly begin: (file: {
    readonly model: string;
    readonly size: number;
    readonly doneBytes: number;
    /** Who carries it. */
    readonly label: string;
  }) => SendingFile;
  readonly close: () => void;
}

interface Running {
  readonly model: string;
  readonly size: number;
  readonly label: string;
  readonly meter: Meter;
  doneBytes: number;
  /** Since the last time it was told. */
  newBytes: number;
}

const TELL_EVERY_MS = 250;

export function createSending(clock: Clock, report: Report): Sending {
  const running = new Set<Running>();
  let lastMs = clock.monotonicMs();
  const tell = (): void => {
    const nowMs = clock.monotonicMs();
    const elapsedMs = nowMs - lastMs;
    lastMs = nowMs;
    if (running.size === 0) return;
    const files = [...running].map((file) => progressOf(file, elapsedMs));
    report({ kind: "progress", files, bytesPerSecond: files.reduce((sum, file) => sum + file.bytesPerSecond, 0) });
  };
  return {
    begin: ({ model, size, doneBytes, label }) => {
      const file: Running = { model, size, label, doneBytes, meter: createMeter(), newBytes: 0 };
      running.add(file);
      return {
        add: (bytes) => {
          file.doneBytes += bytes;
          file.newBytes += bytes;
        },
        end: () => running.delete(file),
      };
    },
    close: clock.every(TELL_EVERY_MS, tell),
  };
}

function progressOf(file: Running, elapsedMs: number): FileProgress {
  file.meter.add(Math.max(0, file.newBytes), elapsedMs);
  file.newBytes = 0;
  const { model, size, label } = file;
  const doneBytes = Math.min(size, Math.max(0, file.doneBytes));
  return { model, size, doneBytes, bytesPerSecond: file.meter.rate(), mirrors: [label] };
}
