/** How minisign writes bytes: a comment line, a line of base64, and with a signature the same again. */

/** Longer texts are no keys and no signatures. */
const MAX_ARMOR_BYTES = 16 * 1024;

const UNTRUSTED = "untrusted comment: ";
const TRUSTED = "trusted comment: ";

/** The lines of a minisign file; null when it is not of this shape. */
export interface Armor {
  readonly comment: string;
  readonly bytes: Buffer;
  /** A signature has a second pair. */
  readonly trusted: { readonly comment: string; readonly bytes: Buffer } | null;
}

/** Reads two lines, or four; one line of base64 alone has an empty comment. Never throws. */
export function readArmor(text: string): Armor | null {
  if (text.length > MAX_ARMOR_BYTES) return null;
  const lines = text.split(/\r?\n/);
  while (lines.length > 1 && lines.at(-1) === "") lines.pop();
  if (lines.length === 1) lines.unshift(UNTRUSTED);
  const [comment = "", payload = "", trustedComment, trustedPayload, ...rest] = lines;
  const bytes = readBase64(payload);
  if (!comment.startsWith(UNTRUSTED.trimEnd()) || bytes === null || rest.length > 0) return null;
  const first = { comment: comment.slice(UNTRUSTED.length), bytes };
  if (trustedComment === undefined) return { ...first, trusted: null };
  const trustedBytes = readBase64(trustedPayload ?? "");
  if (!trustedComment.startsWith(TRUSTED) || trustedBytes === null) return null;
  return { ...first, trusted: { comment: trustedComment.slice(TRUSTED.length), bytes: trustedBytes } };
}

/** The text of an armor. Comments are one line each. */
export function formatArmor({ comment, bytes, trusted }: Armor): string {
  const first = `${UNTRUSTED}${oneLine(comment)}\n${base64(bytes)}\n`;
  return trusted === null ? first : `${first}${TRUSTED}${oneLine(trusted.comment)}\n${base64(trusted.bytes)}\n`;
}

/** The bytes, when `text` is the one spelling of them. */
function readBase64(text: string): Buffer | null {
  const bytes = Buffer.from(text, "base64");
  return text !== "" && base64(bytes) === text ? bytes : null;
}

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");

const oneLine = (text: string): string => text.replace(/[\r\n]+/g, " ");
