/** Looks at a tree and at what was said, and finds what must never be: wrong, lost, left over, leaked. */
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { parseSha256 } from "../../src/base/artifact.ts";
import { STATE_FOLDER } from "../../src/base/paths.ts";
import { bootIdentity } from "../../src/base/process.ts";
import { rangeBytes } from "../../src/base/range.ts";
import { parseJournal } from "../../src/transfer/journal.ts";
import type { Ended } from "./client.ts";
import type { WorldFile } from "./origins.ts";

/** What a violation is about. */
export type Offence = "wrong" | "lost" | "hung" | "leaked" | "undefined" | "left over";

export interface Violation {
  readonly offence: Offence;
  readonly what: string;
}

/** Every file under a final name must be whole, whatever happened: also while processes run or lie dead. */
export async function judgeNames(root: string, files: readonly WorldFile[]): Promise<readonly Violation[]> {
  const found = await filesIn(root);
  const violations: Violation[] = [];
  for (const path of found.filter((name) => !name.startsWith(STATE_FOLDER))) {
    const file = files.find((one) => one.path === path);
    const bytes = await readFile(join(root, path)).catch(() => null);
    // It was replaced between the listing and the look.
    if (bytes === null) continue;
    if (file === undefined) violations.push({ offence: "wrong", what: `nobody asked for ${path}` });
    else if (digestOf(bytes) !== file.sha256)
      violations.push({ offence: "wrong", what: `${path} has ${bytes.length} other bytes` });
  }
  return violations;
}

/** After a success every file is there, and nothing that was only of use on the way. */
export async function judgeSuccess(root: string, files: readonly WorldFile[]): Promise<readonly Violation[]> {
  const found = await filesIn(root);
  const missing = files.filter(({ path }) => !found.includes(path));
  const rest = found.filter((name) => /^\.modelferry\/(?:partial|tmp)\//.test(name));
  return [
    ...missing.map(({ path }): Violation => ({ offence: "wrong", what: `exit code 0, and ${path} is not there` })),
    ...rest.map((name): Violation => ({ offence: "left over", what: name })),
    ...(await judgeNames(root, files)),
  ];
}

/** Exit codes and error codes that the documentation lists. */
const EXITS: readonly number[] = [0, 1, 2, 3, 4, 5, 130];

/** A process that was not killed ends in a defined way. */
export function judgeEnd({ code, isHung, events, stderr }: Ended): readonly Violation[] {
  if (isHung) return [{ offence: "hung", what: `no end; it last said ${JSON.stringify(events.at(-1) ?? stderr)}` }];
  if (code === null) return [];
  const last = events.at(-1) as { kind: string; ok?: boolean; error?: { code?: string; message?: string } } | undefined;
  if (last?.kind !== "summary")
    return [{ offence: "undefined", what: `exit code ${code} without a summary: ${stderr}` }];
  const isDefined =
    code === 0 ? last.ok === true : /^[A-Z_]+$/.test(last.error?.code ?? "") && last.error?.code !== "UNEXPECTED";
  if (isDefined && EXITS.includes(code)) return [];
  return [{ offence: "undefined", what: `exit code ${code}: ${JSON.stringify(last)} ${stderr}` }];
}

/** No secret, and no signature of a link, in anything that was said or written. */
export async function judgeSecrets(
  root: string,
  ended: readonly Ended[],
  secrets: readonly RegExp[],
): Promise<readonly Violation[]> {
  const state = (await filesIn(join(root, STATE_FOLDER)).catch(() => [])).filter((name) => !name.endsWith(".part"));
  const texts = await Promise.all(
    state.map(
      async (name) => [name, await readFile(join(root, STATE_FOLDER, name), "latin1").catch(() => "")] as const,
    ),
  );
  const said = ended.flatMap(({ stdout, stderr }, at) => [
    [`standard output of process ${at + 1}`, stdout] as const,
    [`standard error of process ${at + 1}`, stderr] as const,
  ]);
  return [...texts, ...said].flatMap(([where, text]) =>
    secrets
      .filter((secret) => secret.test(text))
      .map((secret): Violation => ({ offence: "leaked", what: `${secret.source} is in ${where}` })),
  );
}

/** Bytes that the journals call durable, by digest: what the next run must not fetch again. */
export async function journaledBytes(root: string, files: readonly WorldFile[]): Promise<ReadonlyMap<string, number>> {
  const known = new Map<string, number>();
  for (const { sha256: hex, bytes } of files) {
    const sha256 = parseSha256(hex);
    const path = join(root, STATE_FOLDER, "partial", `${hex}.journal`);
    const text = await readFile(path, "utf8").catch(() => null);
    const content = text === null ? null : parseJournal(text, { size: bytes.length, sha256 }, bootIdentity());
    if (content !== null) known.set(hex, rangeBytes(content.done));
  }
  return known;
}

async function filesIn(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(folder, join(entry.parentPath ?? entry.path, entry.name)));
}

const digestOf = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
