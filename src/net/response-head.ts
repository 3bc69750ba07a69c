/** Reads the head of an HTTP/1.1 response strictly: what is not plainly right is refused. Pure. */

/** Longest head that is read, in bytes. */
export const MAX_HEAD_BYTES: number = 16 * 1024;
const MAX_FIELDS = 128;

export interface ResponseHead {
  readonly status: number;
  /** Names in lower case. A name that came twice holds both values, joined by `, ` (RFC 9110 section 5.2). */
  readonly fields: ReadonlyMap<string, string>;
  /** True when the connection may carry another request after this answer. */
  readonly isKeptAlive: boolean;
}

/** Where the head ends (the index after its empty line), or -1 when it is not all there. */
export function headEnd(bytes: Buffer): number {
  const at = bytes.indexOf("\r\n\r\n");
  return at < 0 ? -1 : at + 4;
}

const STATUS_LINE = /^HTTP\/1\.([01]) ([1-5][0-9]{2})(?: [\t\x20-\x7e\x80-\xff]*)?$/;
const FIELD_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):([\t\x20-\x7e\x80-\xff]*)$/;

/**
 * Parses `bytes`, which end with the empty line.
 * @returns the head, or a text that says what is wrong with it (RFC 9112 sections 2 to 5)
 */
export function parseResponseHead(bytes: Buffer): ResponseHead | string {
  if (bytes.length > MAX_HEAD_BYTES) return `the answer has a head of more than ${MAX_HEAD_BYTES} bytes`;
  const lines = bytes.toString("latin1", 0, bytes.length - 4).split("\r\n");
  const status = STATUS_LINE.exec(lines[0] ?? "");
  if (status === null) return "the answer does not begin with an HTTP/1.1 status line";
  if (lines.length - 1 > MAX_FIELDS) return `the answer has more than ${MAX_FIELDS} header fields`;
  const fields = new Map<string, string>();
  for (const line of lines.slice(1)) {
    const field = FIELD_LINE.exec(line);
    if (field === null) return "the answer has a malformed header line";
    const name = (field[1] ?? "").toLowerCase();
    const value = withoutBlanks(field[2] ?? "");
    const known = fields.get(name);
    fields.set(name, known === undefined ? value : `${known}, ${value}`);
  }
  return { status: Number(status[2]), fields, isKeptAlive: isKeptAlive(status[1] ?? "", fields) };
}

/** Spaces and tabs around a value are no part of it (RFC 9110 section 5.5); a pattern would look for them again and again. */
function withoutBlanks(value: string): string {
  let [start, end] = [0, value.length];
  while (start < end && isBlank(value, start)) start += 1;
  while (end > start && isBlank(value, end - 1)) end -= 1;
  return value.slice(start, end);
}

const isBlank = (text: string, at: number): boolean => text[at] === " " || text[at] === "\t";

/** RFC 9112 section 9.3. */
function isKeptAlive(minorVersion: string, fields: ReadonlyMap<string, string>): boolean {
  const options = (fields.get("connection") ?? "").toLowerCase().split(/[\t ,]+/);
  return !options.includes("close") && (minorVersion === "1" || options.includes("keep-alive"));
}
