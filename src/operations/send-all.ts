/** Obeys the lines of a plan: each under its own lease, each noted in its manifest as soon as it is there. */
import { access } from "node:fs/promises";
import type { EventBody } from "../base/events.ts";
import { anySignal } from "../base/flow.ts";
import { keyIn, PIECES_SUFFIX } from "./destination.ts";
import type { PublishLine } from "./plan-publish.ts";
import { publishOne } from "./publish-one.ts";
import type { PublishedModel } from "./publish-ports.ts";
import { changeFor } from "./record-published.ts";
import { createSending } from "./sending.ts";
import type { Candidate, Run } from "./to-bucket.ts";

export interface Sender extends AsyncDisposable {
  /** Files under way at the same time: while one is finished, the next one fills the line. */
  readonly atOnce: number;
  /** Null when it failed, which is told. */
  readonly send: (line: PublishLine, candidate: Candidate) => Promise<PublishedModel | null>;
}

const FILES = 2;

/** @param targets manifests by model name; a model without one is not noted */
export function createSender(run: Run, targets: ReadonlyMap<string, string>): Sender {
  const { ports, report, options } = run;
  const sending = createSending(ports.clock, report);
  // Two entries of one file are written one after the other.
  let writing: Promise<unknown> = Promise.resolve();
  const note = async (line: PublishLine, candidate: Candidate): Promise<string | null> => {
    const file = targets.get(candidate.name);
    const change = changeFor({ ...candidate, to: line.to, pieces: line.to + PIECES_SUFFIX }, candidate.model);
    if (file === undefined || change === null) return null;
    const written = writing.then(() => ports.writeEntry(file, change));
    writing = written.catch(() => undefined);
    await written;
    await tellUnsigned(file, report);
    return file;
  };
  const sendOne = async (line: PublishLine, candidate: Candidate): Promise<PublishedModel> => {
    await using lease = await ports.tree.lease(`upload ${line.to}`, {
      signal: run.signal,
      wait: options.wait ?? true,
      onWait: (holder) => report(waiting(line.model, holder)),
    });
    const signal = anySignal(run.signal, lease.lost);
    const { name, path, size, sha256, origin, isProofWanted } = candidate;
    const journal = ports.tree.uploadOf(line.to);
    const { isUnchanged = null } = candidate;
    const one = { line, key: keyIn(run.destination, candidate), origin, isProofWanted, isUnchanged, journal };
    const context = { bucket: run.bucket, sending, report, random: ports.clock.random, signal };
    const sentBytes = await publishOne({ ...context, verify: options.verify ?? null }, one);
    const manifest = await note(line, candidate);
    const isSent = line.action !== "present";
    const mirrors = candidate.shares?.() ?? [];
    if (isSent) report({ kind: "file-finished", model: name, path, size, sha256, how: "sent", mirrors });
    return { name, path, to: line.to, size, sha256, status: isSent ? "sent" : "present", sentBytes, manifest };
  };
  return {
    atOnce: FILES,
    send: async (line, candidate) => {
      try {
        return await sendOne(line, candidate);
      } catch (error) {
        run.fail(candidate.name, candidate.path, error);
        return null;
      }
    },
    [Symbol.asyncDispose]: async () => {
      sending.close();
      await writing;
    },
  };
}

/** A signature beside the manifest was made before this entry. */
async function tellUnsigned(file: string, report: Run["report"]): Promise<void> {
  const isSigned = await access(`${file}.minisig`).then(
    () => true,
    () => false,
  );
  if (!isSigned) return;
  const message = `"${file}" is not what was signed any more: an entry was written`;
  report({ kind: "warning", code: "SIGNATURE_INVALID", message, fix: `look at it, and run models sign ${file}` });
}

function waiting(model: string, holder: string): EventBody {
  return { kind: "waiting", model, on: "lock", message: `${holder} is sending it`, untilMs: null };
}
