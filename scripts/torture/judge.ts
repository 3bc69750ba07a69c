/** What may never be, looked for after each kill, each end of a process and each world. */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative, sep } from "node:path";
import type { ErrorCode } from "../../src/base/errors.ts";
import { EXIT_MEANINGS, type ExitCode, exitCodeOf } from "../../src/cli/exit-codes.ts";
import type { LoggedRequest } from "../../tests/origins/index.ts";
import type { WantedFile, WorldBox } from "./box.ts";
import type { Client } from "./client.ts";
import type { WorldOrigins } from "./origins.ts";
import { findSecrets, type Place, SECRETS, signaturesIn } from "./secrets.ts";
import { askedBytes } from "./watch.ts";

/**
 * - `wrong`: other bytes than the digest says, an end that no table knows, or something left behind;
 * - `lost`: bytes that were durable came again, or more came than anything accounts for;
 * - `hung`: nothing moved any more;
 * - `leaked`: a secret was seen where it does not belong.
 */
export interface Complaint {
  readonly kind: "wrong" | "lost" | "hung" | "leaked";
  readonly message: string;
}

const STATE = ".modelferry";
/** What lies in the state folder of a tree that is whole. */
const KEPT = /^(receipts\/|known-digests\.json$|host-paces\.json$|seen-versions\.json$)/;
/** What the two sockets of a connection can hold: sent for nothing when the client cuts a range. */
const SOCKET_BYTES = 8 * 1024 * 1024;

/** Every file under a final name must be whole; nothing else may lie in the tree. */
export function judgeFinalNames({ layout, files }: Pick<WorldBox, "layout" | "files">): readonly Complaint[] {
  const known = new Map(files.map((file) => [file.path, file]));
  return filesIn(layout.root)
    .filter((path) => !relative(layout.root, path).startsWith(STATE + sep))
    .flatMap((path): readonly Complaint[] => {
      const file = known.get(path);
      if (file === undefined) return [{ kind: "wrong", message: `${path} does not belong into the tree` }];
      return isWhole(file)
        ? []
        : [{ kind: "wrong", message: `${path} has a final name and other bytes than ${file.sha256}` }];
    });
}

/** True when `file` stands under its final name with the right bytes. */
export function isWhole({ path, sha256 }: WantedFile): boolean {
  if (!existsSync(path)) return false;
  return createHash("sha256").update(readFileSync(path)).digest("hex") === sha256;
}

/** Once every file is whole, nothing of the way there is left, in the tree or beside it. */
export function judgeLeftovers({ folder, layout, inputs }: WorldBox): readonly Complaint[] {
  const state = join(layout.root, STATE);
  const inState = filesIn(state).filter((path) => !KEPT.test(relative(state, path).replaceAll(sep, "/")));
  const beside = readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isFile() ? [join(folder, entry.name)] : [],
  );
  const expected = new Set([...inputs, join(folder, "models.lock.yaml")]);
  return [...inState, ...beside.filter((path) => !expected.has(path))].map((path) => ({
    kind: "wrong",
    message: `${path} is left behind`,
  }));
}

/** A process that ended by itself says 0 or a code of the table, and why. */
export function judgeEnd(client: Client): readonly Complaint[] {
  const end = client.end();
  if (end === null || end.signal === "SIGKILL") return [];
  const { err } = client.output();
  const said = client.summary()?.error?.code ?? null;
  const wrong = (message: string): readonly Complaint[] => [
    { kind: "wrong", message: `${message}: ${err.slice(-500)}` },
  ];
  if (end.code === null || !(String(end.code) in EXIT_MEANINGS)) {
    return wrong(`a process ended with ${end.code ?? end.signal}, which no table knows`);
  }
  if (end.code === 0) return said === null ? [] : wrong(`a process ended with 0 and ${said}`);
  if (client.isPlain) {
    return /^(failed {2}|✗ )/m.test(err) ? [] : wrong(`a process ended with ${end.code} without saying why`);
  }
  if (said === null) return wrong(`a process ended with ${end.code} without an error code`);
  const isRight = exitCodeOf(said as ErrorCode) === (end.code as ExitCode);
  return isRight ? [] : wrong(`a process ended with ${end.code} and ${said}, which do not belong together`);
}

/** No secret in anything that was printed or written, and none at a host that it is not for. */
export function judgeSecrets(
  { folder, inputs, files }: WorldBox,
  clients: readonly Client[],
  origins: Pick<WorldOrigins, "all">,
): readonly Complaint[] {
  const weights = new Set(files.flatMap(({ path, partial }) => [path, partial.content]));
  const written = filesIn(folder)
    .filter((path) => !inputs.includes(path) && !weights.has(path))
    .map((path): Place => ({ name: path, text: readFileSync(path, "latin1") }));
  const printed = clients.flatMap((client): readonly Place[] => {
    const { out, err } = client.output();
    return [
      { name: "standard output", text: out },
      { name: "standard error", text: err },
    ];
  });
  const asked = origins.all.flatMap(({ origin }) => origin.requests);
  const signatures = [...new Set(asked.flatMap(({ url }) => signaturesIn(url)))];
  const values = [...Object.values(SECRETS), ...signatures];
  const sent = origins.all.flatMap(({ origin, own }) =>
    findSecrets(
      origin.requests.map(({ headers }) => ({ name: `a request to ${origin.url}`, text: JSON.stringify(headers) })),
      Object.values(SECRETS).filter((secret) => secret !== own),
    ),
  );
  return [...findSecrets([...written, ...printed], values), ...sent].map((message) => ({ kind: "leaked", message }));
}

/** What was sent in one world, and what accounts for it. */
export interface SentFacts {
  readonly sizes: readonly number[];
  readonly requests: readonly LoggedRequest[];
  /** Requests that a kill or a fault ended or spoilt: each range of them may come again. */
  readonly excused: ReadonlySet<LoggedRequest>;
  /** Requests of which another took over the end while they were under way. */
  readonly stolen: ReadonlySet<LoggedRequest>;
  /** How often all of it may come again, since what came could not be believed. */
  readonly retries: number;
}

/**
 * The bound: each file once, each range that was open when a kill came (or that a fault touched) once more, what was in
 * the sockets' buffers when the client itself cut a range, and all again for each retry that a lie makes necessary.
 */
export function judgeBytes({ sizes, requests, excused, stolen, retries }: SentFacts): readonly Complaint[] {
  const whole = sizes.reduce((sum, size) => sum + size, 0);
  const sent = requests.reduce((sum, { bytesSent }) => sum + bytesSent, 0);
  const allowed = requests.reduce(
    (sum, request) => {
      if (excused.has(request)) return sum + request.bytesSent;
      const isCut = stolen.has(request) || request.bytesSent < askedBytes(request);
      return isCut ? sum + Math.min(request.bytesSent, SOCKET_BYTES) : sum;
    },
    whole * (1 + retries),
  );
  if (sent <= allowed) return [];
  return [
    { kind: "lost", message: `${sent} bytes were sent for ${whole}, of which ${sent - allowed} nothing accounts for` },
  ];
}

function filesIn(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile() ?? false);
}
