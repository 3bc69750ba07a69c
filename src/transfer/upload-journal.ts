/** The record of an unfinished upload, from which the next run goes on: its id, and what each part that arrived is. */
import { type FileHandle, mkdir, open, unlink } from "node:fs/promises";
import { dirname } from "node:path";
import type { Sha256 } from "../base/artifact.ts";
import { readBoundedText } from "../base/bounded-file.ts";
import { ModelsError, reasonOf } from "../base/errors.ts";
import type { UploadedPart } from "../net/s3-multipart.ts";
import { MAX_JOURNAL_BYTES } from "./journal.ts";

/** What is being uploaded, and where to: a record of anything else is worth nothing. */
export interface UploadSubject {
  /** `r2://bucket/key`. */
  readonly to: string;
  readonly endpoint: string;
  readonly size: number;
  readonly sha256: Sha256;
  /** Fixed with the first part: it decides the ETag, and R2 wants equal parts. */
  readonly partBytes: number;
}

export interface JournaledPart extends UploadedPart {
  readonly md5: string;
}

export interface UploadJournal extends AsyncDisposable {
  /** The upload to go on with, or null. */
  readonly uploadId: () => string | null;
  /** An upload of something else that this journal was about: it can be abandoned. */
  readonly stale: string | null;
  /** Parts of the upload by number. */
  readonly parts: () => ReadonlyMap<number, JournaledPart>;
  /** Forgets everything before, and notes a new upload. */
  readonly begin: (uploadId: string) => Promise<void>;
  /** Notes a part that arrived. */
  readonly note: (part: JournaledPart) => Promise<void>;
  /** Takes the record away: the upload is finished. */
  readonly remove: () => Promise<void>;
}

const FORMAT = 1;
/** Characters of an ETag; stores write some 40. */
const MAX_ETAG = 1024;

/**
 * Opens the journal at `path`; its folder is made when there is something to note. A line that is torn costs a part that is sent again.
 * @throws ModelsError `DISK_FAILED`
 */
export async function openUploadJournal(path: string, subject: UploadSubject): Promise<UploadJournal> {
  const head = { upload: FORMAT, ...subject };
  const known = parse(await readBoundedText(path, MAX_JOURNAL_BYTES).catch(() => ""), head);
  let { uploadId, parts } = known;
  let file: FileHandle | null = uploadId === null ? null : await openFile(path, "a");
  const write = async (line: object): Promise<void> => {
    try {
      await file?.appendFile(`${JSON.stringify(line)}\n`);
    } catch (error) {
      throw diskFailed(path, error);
    }
  };
  return {
    uploadId: () => uploadId,
    stale: known.stale,
    parts: () => parts,
    begin: async (id) => {
      await file?.close();
      await mkdir(dirname(path)).catch(() => undefined);
      file = await openFile(path, "w");
      uploadId = id;
      parts = new Map();
      await write({ ...head, uploadId: id });
      await file.sync();
    },
    note: async (part) => {
      parts.set(part.number, part);
      await write(part);
    },
    remove: async () => {
      await file?.close();
      file = null;
      uploadId = null;
      parts = new Map();
      await unlink(path).catch(() => undefined);
    },
    [Symbol.asyncDispose]: async () => {
      await file?.close();
    },
  };
}

interface Parsed {
  readonly uploadId: string | null;
  readonly parts: Map<number, JournaledPart>;
  readonly stale: string | null;
}

type Head = UploadSubject & { readonly upload: number; readonly uploadId?: unknown };

function parse(text: string, wanted: Omit<Head, "uploadId">): Parsed {
  const [first, ...rest] = text.split("\n").flatMap(parseLine);
  const nothing: Parsed = { uploadId: null, parts: new Map(), stale: null };
  if (first === undefined) return nothing;
  const { uploadId, ...subject } = first as Partial<Head>;
  if (typeof uploadId !== "string" || uploadId === "") return nothing;
  const isSame = Object.entries(wanted).every(([name, value]) => subject[name as keyof typeof subject] === value);
  if (!isSame) return { ...nothing, stale: subject.to === wanted.to ? uploadId : null };
  const parts = rest.filter((line): line is JournaledPart => isPart(line, wanted));
  return { uploadId, parts: new Map(parts.map((part) => [part.number, part])), stale: null };
}

function parseLine(line: string): readonly object[] {
  // A refusal of the JSON reader costs more than a look: a file of a million line ends would take a dozen seconds.
  if (!line.startsWith("{")) return [];
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? [value] : [];
  } catch {
    return [];
  }
}

/** True for a line about a part that this upload has, of the size that it must have. */
function isPart(value: object, { size: whole, partBytes }: UploadSubject): boolean {
  const { number, size, etag, md5 } = value as Partial<Record<keyof JournaledPart, unknown>>;
  if (typeof number !== "number" || !Number.isInteger(number) || number < 1) return false;
  const wanted = Math.min(partBytes, whole - (number - 1) * partBytes);
  const isNamed = typeof etag === "string" && etag !== "" && etag.length <= MAX_ETAG;
  return wanted > 0 && size === wanted && isNamed && typeof md5 === "string" && /^[0-9a-f]{32}$/.test(md5);
}

async function openFile(path: string, flags: "a" | "w"): Promise<FileHandle> {
  try {
    return await open(path, flags);
  } catch (error) {
    throw diskFailed(path, error);
  }
}

function diskFailed(path: string, error: unknown): ModelsError {
  return new ModelsError("DISK_FAILED", `Cannot write "${path}": ${reasonOf(error)}`, {
    fix: "make the models folder writable, or give another one with --root",
    cause: error,
  });
}
