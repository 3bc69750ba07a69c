/** The format of `trust:` in a config: whose signatures count, and for what. */
import { z } from "zod";
import { placeFrom, type TrustedKeyEntry, type TrustPolicy } from "../settings.ts";
import { checkedText } from "./check.ts";
import { nameField, pathField } from "./fields.ts";

export interface TrustFile {
  readonly keys: readonly TrustedKeyFile[];
  readonly rotations?: readonly string[] | undefined;
}

interface TrustedKeyFile {
  readonly name: string;
  readonly key: string;
  readonly kits?: readonly string[] | undefined;
  readonly paths?: readonly string[] | undefined;
  readonly notAfter?: string | undefined;
  readonly revoked?: boolean | undefined;
}

// 42 bytes that begin with "Ed". The message never quotes it: somebody may have put a secret key here.
const KEY = /^RW[QRST][A-Za-z0-9+/]{53}$/;

const keyField = checkedText({
  problem: (text) => (KEY.test(text) ? null : "is no minisign public key"),
  fix: "write the second line of the .pub file that models keys generate made: 56 characters that start with RW",
}).meta({ pattern: KEY.source });

const dayField = checkedText({
  problem: (text) => (endOfDay(text) === null ? "is no day" : null),
  fix: "write it like 2027-12-31; the key is good until the end of that day in UTC",
});

const placeField = checkedText({
  problem: (text) => (text.trim() === "" || text.includes("\0") ? "is no path or URL" : null),
  fix: "write the place of a public key file that has its .minisig beside it",
});

const trustedKeySchema: z.ZodType<TrustedKeyFile> = z.strictObject({
  name: nameField.describe("What people call the key; messages say it."),
  key: keyField.describe("The public key in minisign's format, which starts with RW."),
  kits: z.array(nameField).optional().describe("Names of the kits and manifests that it may sign; all unless said."),
  paths: z.array(pathField).optional().describe("Folders of the tree in which its models may lie; all unless said."),
  notAfter: dayField.optional().describe("The last day on which it is good, such as 2027-12-31."),
  revoked: z.boolean().optional().describe("True when nothing that it signed counts any more."),
});

/** The schema of `trust:`. */
export const trustSchema: z.ZodType<TrustFile> = z.strictObject({
  keys: z.array(trustedKeySchema).check(oneAtLeast, eachOnce).describe("Whose signatures count."),
  rotations: z.array(placeField).optional().describe("Public key files that one of these keys has signed."),
});

/** `trust:` as settings hold it; relative places start at `folder`. */
export function toTrustPolicy({ keys, rotations = [] }: TrustFile, folder: string): TrustPolicy {
  return { keys: keys.map(toEntry), rotations: rotations.map((place) => placeFrom(folder, place)) };
}

function toEntry({ name, key, kits, paths, notAfter, revoked }: TrustedKeyFile): TrustedKeyEntry {
  return {
    name,
    key,
    kits: kits ?? null,
    paths: paths ?? null,
    notAfter: notAfter === undefined ? null : endOfDay(notAfter),
    isRevoked: revoked ?? false,
  };
}

/** The last millisecond of a day in UTC, or null when there is no such day. */
function endOfDay(text: string): number | null {
  const start = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T00:00:00.000Z`) : Number.NaN;
  const isDay = !Number.isNaN(start) && new Date(start).toISOString().startsWith(text);
  return isDay ? start + 86_400_000 - 1 : null;
}

type Checks<T> = z.core.ParsePayload<T>;

function oneAtLeast({ value, issues }: Checks<TrustedKeyFile[]>): void {
  if (value.length > 0) return;
  const params = { fix: "name a key, or leave trust: out to ask for no signatures" };
  issues.push({ code: "custom", continue: true, input: value, message: "is empty", params });
}

function eachOnce({ value, issues }: Checks<TrustedKeyFile[]>): void {
  const seen = new Set<string>();
  for (const [index, { name, key }] of value.entries()) {
    for (const [field, text] of [["name", name] as const, ["key", key] as const]) {
      if (seen.size < seen.add(`${field} ${text}`).size) continue;
      const params = { fix: "keep one of the two" };
      issues.push({
        code: "custom",
        continue: true,
        input: text,
        path: [index, field],
        message: "is there twice",
        params,
      });
    }
  }
}
