/** Texts that a container holds beside its picture or sound, by lower-case key. */

/** Filled while a container is read, so that a file that is cut short still gives what came before. */
export type Texts = Map<string, string>;

/** Bytes that all texts of a file may have together, however small they were while they were compressed. */
const MAX_TEXT_BYTES: number = 256 * 1024 * 1024;
/** Texts that one file may hold; ComfyUI writes two, cameras some fifty. */
const MAX_TEXTS = 1000;

/** How much more may be kept in `texts`: 0 when they are full. */
export function roomIn(texts: Texts): number {
  if (texts.size >= MAX_TEXTS) return 0;
  return [...texts.values()].reduce((room, { length }) => Math.max(0, room - length), MAX_TEXT_BYTES);
}

/** UTF-8, or Latin-1 where the bytes are no UTF-8: what writers of old formats do in spite of the format. */
export function decodeLoosely(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
  }
}

/** The spelling of `key` in {@link Texts}. */
export const nameOf = (key: string): string => key.trim().toLowerCase();

/** Keeps `text` under `key`; the first of two wins, as in ComfyUI's own readers. */
export function keep(texts: Texts, key: string, text: string): void {
  const name = nameOf(key);
  if (!texts.has(name) && texts.size < MAX_TEXTS) texts.set(name, text);
}

/** Keeps `prompt:{…}` under `prompt`; a text without such a key goes under `fallback`. */
export function keepKeyed(texts: Texts, text: string, fallback: string): void {
  const match = /^\s*([A-Za-z_]{1,40})\s*:\s*(?=[{["])/.exec(text);
  if (match === null) keep(texts, fallback, text);
  else keep(texts, match[1] ?? fallback, text.slice(match[0].length));
}

/** `text` without the zeros at its end, with which some writers fill fields up. */
export function withoutZeros(text: string): string {
  let end = text.length;
  while (text.charCodeAt(end - 1) === 0) end -= 1;
  return text.slice(0, end);
}

/** The part before the first zero byte at or after `from`, and where the next part starts. */
export function untilZero(bytes: Buffer, from = 0): readonly [Buffer, number] {
  const zero = bytes.indexOf(0, from);
  return zero < 0 ? [bytes.subarray(from), bytes.length] : [bytes.subarray(from, zero), zero + 1];
}
