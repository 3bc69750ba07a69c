/** What modelferry writes itself and reads after a crash, and what else may lie there by then. */
import { isDeepStrictEqual } from "node:util";
import { isSha256, type Sha256 } from "../../../src/base/artifact.ts";
import { systemClock } from "../../../src/base/clock.ts";
import { treePathProblem } from "../../../src/base/paths.ts";
import { addRange, hasRange, type RangeSet, rangeBytes } from "../../../src/base/range.ts";
import {
  formatJournalEntries,
  formatJournalHead,
  formatJournalSpoils,
  formatJournalWritten,
  parseJournal,
} from "../../../src/transfer/journal.ts";
import { openUploadJournal } from "../../../src/transfer/upload-journal.ts";
import { parseHolder } from "../../../src/tree/holder.ts";
import { parsePaces } from "../../../src/tree/host-paces.ts";
import { createKnownDigests } from "../../../src/tree/known-digests.ts";
import { createLayout } from "../../../src/tree/layout.ts";
import { parseReceipt, type Receipt } from "../../../src/tree/receipt.ts";
import { type Fields, seal, unseal } from "../../../src/tree/sealed.ts";
import { parseSeen } from "../../../src/trust/seen-versions.ts";
import { scratchFile, scratchPath } from "../scratch.ts";
import { mustHold, type Target, textOf, texts } from "../terms.ts";

const SHA = "cd".repeat(32) as Sha256;
const SUBJECT = { size: 1000, sha256: SHA };
const HEAD = formatJournalHead(SUBJECT);
const FACTS = [10, 100, 200, 350, 600, 999].map((start, index) => {
  const range = { start, end: Math.min(1000, start + 90) };
  return { mirror: index % 2 === 0 ? "https://a/x" : "__proto__", range };
});
/** All that any journal of the seeds says is there. */
const CLAIMED = FACTS.reduce<RangeSet>((set, { range }) => addRange(set, range), []);

function runJournal(bytes: Uint8Array): void {
  const content = parseJournal(textOf(bytes), SUBJECT, "boot");
  if (content === null) return;
  mustHold(
    content.done.every((range) => hasRange(CLAIMED, range)),
    "no range is there that no line says",
  );
  const served = [...content.served.values()].flat();
  const bytesServed = served.reduce((sum, { start, end }) => sum + end - start, 0);
  mustHold(bytesServed === rangeBytes(content.done), "each byte came from one mirror");
  const entries = [...content.served].flatMap(([mirror, ranges]) => ranges.map((range) => ({ mirror, range })));
  const again = parseJournal(HEAD + formatJournalEntries(entries), SUBJECT);
  mustHold(isDeepStrictEqual(again?.done, content.done), "what is written is read again");
}

const UPLOAD = { to: "r2://kits/a.sft", endpoint: "https://e", size: 40_000_000, sha256: SHA, partBytes: 16_777_216 };
const PART = { number: 1, size: 16_777_216, etag: '"e"', md5: "ab".repeat(16) };

async function runUploadJournal(bytes: Uint8Array): Promise<void> {
  const path = scratchFile("upload.jsonl", bytes);
  await using journal = await openUploadJournal(path, UPLOAD);
  const parts = [...journal.parts().values()];
  mustHold(journal.uploadId() !== null || parts.length === 0, "parts belong to an upload");
  mustHold(
    parts.every(({ number }) => number >= 1 && number <= 3),
    "a part has a number that the file has",
  );
  mustHold(
    parts.every(({ number, size }) => size === (number === 3 ? 40_000_000 - 2 * PART.size : PART.size)),
    "a part has its size",
  );
  mustHold(
    parts.every(({ md5 }) => /^[0-9a-f]{32}$/.test(md5)),
    "an md5 has 32 hex digits",
  );
}

const RECEIPT = {
  version: 1,
  path: "loras/a.sft",
  sha256: SHA,
  size: 5,
  mtimeNs: "1700000000123456789",
  inode: "5",
  dev: "66",
  verifiedAt: 1_700_000_000_000,
  mirrors: ["h"],
  how: "fetched",
  aliases: ["unet/a.sft"],
};

/** JSON is sealed first, so that not only the seal is tried. */
function sealed(bytes: Uint8Array): string {
  const text = textOf(bytes);
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? seal(value as Fields) : text;
  } catch {
    return text;
  }
}

function runReceipt(bytes: Uint8Array): void {
  const receipt: Receipt | null = parseReceipt(sealed(bytes), RECEIPT.path as never);
  if (receipt === null) return;
  mustHold(receipt.path === RECEIPT.path && isSha256(receipt.sha256), "it is of this path, with a digest");
  mustHold(
    receipt.aliases.every((path) => treePathProblem(path) === null),
    "aliases are safe paths",
  );
  mustHold(Number.isSafeInteger(receipt.size) && receipt.size >= 0, "a size is a whole number");
  const { mtimeNs, inode, dev, shouldBe, ...rest } = receipt;
  const text = {
    version: 1,
    ...rest,
    mtimeNs: `${mtimeNs}`,
    inode: `${inode}`,
    dev: `${dev}`,
    ...(shouldBe && { shouldBe }),
  };
  mustHold(isDeepStrictEqual(parseReceipt(seal(text), receipt.path), receipt), "what is written is read again");
}

async function runKnownDigests(bytes: Uint8Array): Promise<void> {
  const layout = createLayout(scratchPath("tree"));
  scratchFile("tree/.modelferry/known-digests.json", sealed(bytes));
  const file = scratchFile("tree/file", "hello");
  const digest = { sha256File: async () => SHA };
  const known = createKnownDigests({ layout, clock: systemClock, digest: digest as never });
  const found = await known.recall(file);
  mustHold(found === null || (isSha256(found.sha256) && found.path === file), "a file that is known has a digest");
}

const PACE = {
  origin: "https://models.example.net",
  bytesPerSecond: 100_000_000,
  laneBytesPerSecond: 12_500_000,
  lanes: 8,
  at: 1_700_000_000_000,
};

function runHostPaces(bytes: Uint8Array): void {
  const paces = parsePaces(unseal(sealed(bytes)), PACE.at);
  mustHold(
    paces.every(({ lanes, at }) => Number.isSafeInteger(lanes) && lanes >= 1 && at <= PACE.at),
    "a pace has lanes, and is not from the future",
  );
  const again = parsePaces({ version: 1, hosts: paces }, PACE.at);
  mustHold(isDeepStrictEqual(again, paces), "what is written is read again");
}

export const STATE_TARGETS: readonly Target[] = [
  {
    name: "journal",
    seeds: () =>
      texts(
        HEAD + formatJournalEntries(FACTS),
        HEAD + formatJournalWritten(FACTS, "boot") + formatJournalSpoils([{ start: 50, end: 120 }]),
        HEAD + formatJournalEntries(FACTS.slice(2)) + formatJournalWritten(FACTS.slice(0, 2), "other boot"),
      ),
    words: ["done", "written", "spoiled", "journal"],
    codes: [],
    run: runJournal,
  },
  {
    name: "upload-journal",
    seeds: () =>
      texts(
        [{ upload: 1, ...UPLOAD, uploadId: "id" }, PART, { ...PART, number: 2 }]
          .map((one) => JSON.stringify(one))
          .join("\n"),
        `${JSON.stringify({ upload: 1, ...UPLOAD, uploadId: "id" })}\n`,
      ),
    words: ["upload", "uploadId", "number", "size", "etag", "md5"],
    codes: [],
    run: runUploadJournal,
  },
  {
    name: "receipt",
    seeds: () => texts(JSON.stringify(RECEIPT), JSON.stringify({ ...RECEIPT, shouldBe: SHA }), seal(RECEIPT)),
    words: Object.keys(RECEIPT),
    codes: [],
    run: runReceipt,
  },
  {
    name: "known-digests",
    seeds: () => {
      const file = { path: "/x", sha256: SHA, size: 5, mtimeNs: "1", inode: "2", dev: "3" };
      return texts(JSON.stringify({ version: 1, files: [file, file] }), seal({ version: 1, files: [file] }));
    },
    words: ["version", "files", "path", "sha256", "mtimeNs"],
    codes: [],
    run: runKnownDigests,
  },
  {
    name: "host-paces",
    seeds: () => texts(JSON.stringify({ version: 1, hosts: [PACE, PACE] }), seal({ version: 1, hosts: [PACE] })),
    words: ["version", "hosts", ...Object.keys(PACE)],
    codes: [],
    run: runHostPaces,
  },
  {
    name: "lock-holder",
    seeds: () =>
      texts(JSON.stringify({ host: "h", pid: 5, pidSpace: "b 1", start: "7", token: "t", beat: "000000000001" })),
    words: ["host", "pid", "pidSpace", "start", "token"],
    codes: [],
    run: (bytes) => {
      const holder = parseHolder(textOf(bytes));
      mustHold(holder === null || (holder.pid > 0 && holder.token !== ""), "a holder has a number and a token");
    },
  },
  {
    name: "seen-versions",
    seeds: () => texts(JSON.stringify({ version: 1, documents: [{ document: "kit a", version: 3, sha256: SHA }] })),
    words: ["version", "documents", "document", "sha256"],
    codes: ["ROLLBACK_REFUSED"],
    run: (bytes) => {
      for (const { version, sha256 } of parseSeen(textOf(bytes), "x").values()) {
        mustHold(Number.isSafeInteger(version) && version >= 0 && isSha256(sha256), "a version is a whole number");
      }
    },
  },
];
