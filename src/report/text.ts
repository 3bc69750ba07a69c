/** How wide text is on a terminal, how it is cut and padded, and how text from outside is made harmless. Pure. */

// Control characters (an escape sequence starts with one), and the invisible or direction-changing ones.
const UNPRINTABLE =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff0-\ufffb\p{Surrogate}]|[\ufe00-\ufe0f]/gu;
const COLOUR = /\u001b\[[0-9;]*m/g;
const ZERO_WIDTH = /^[\p{Mn}\p{Me}\p{Cf}]$/u;
const DOUBLE_WIDTH =
  /^[\u1100-\u115f\u2329\u232a\u2e80-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{16fe0}-\u{18cff}\u{1aff0}-\u{1b2ff}\u{1f000}-\u{1faff}\u{20000}-\u{3fffd}\p{Emoji_Presentation}]$/u;

/** `text` from outside as one line that cannot steer a terminal: line breaks become spaces, the rest `�`. */
export function printable(text: string): string {
  return text.replace(/[\r\n\t]+/g, " ").replace(UNPRINTABLE, "�");
}

/** Columns that `text` takes on a terminal; our own colours take none. */
export function textWidth(text: string): number {
  const bare = text.replace(COLOUR, "");
  if (/^[\x20-\x7e]*$/.test(bare)) return bare.length;
  let width = 0;
  for (const character of bare) width += characterWidth(character);
  return width;
}

function characterWidth(character: string): number {
  if (DOUBLE_WIDTH.test(character)) return 2;
  return ZERO_WIDTH.test(character) ? 0 : 1;
}

/** Bare `text` in at most `width` columns: the middle gives way to `…`, since names differ at both ends. */
export function fitText(text: string, width: number): string {
  if (textWidth(text) <= width) return text;
  if (width < 1) return "";
  const head = Math.ceil((width - 1) / 2);
  return `${takeStart(text, head)}…${takeEnd(text, width - 1 - head)}`;
}

/** Bare `text` in at most `width` columns: the end gives way, as in a sentence. */
export function cutText(text: string, width: number): string {
  if (textWidth(text) <= width) return text;
  return width < 1 ? "" : `${takeStart(text, width - 1).trimEnd()}…`;
}

function takeStart(text: string, width: number): string {
  let [taken, used] = ["", 0];
  for (const character of text) {
    used += characterWidth(character);
    if (used > width) break;
    taken += character;
  }
  return taken;
}

function takeEnd(text: string, width: number): string {
  const reversed = takeStart([...text].reverse().join(""), width);
  return [...reversed].reverse().join("");
}

/** `text` filled up with spaces to `width` columns on the side that `align` leaves free. */
export function padText(text: string, width: number, align: "left" | "right" = "left"): string {
  const space = " ".repeat(Math.max(0, width - textWidth(text)));
  return align === "left" ? text + space : space + text;
}

/** `text` broken into lines of at most `width` columns, at spaces where it has them. */
export function wrapText(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ").flatMap((whole) => chop(whole, Math.max(2, width)))) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (line !== "" && textWidth(longer) > width) {
      lines.push(line);
      line = word;
    } else line = longer;
  }
  return [...lines, line];
}

/** A word longer than a line, in parts that fit. */
function chop(word: string, width: number): readonly string[] {
  const parts: string[] = [];
  let rest = word;
  while (textWidth(rest) > width) {
    const part = takeStart(rest, width);
    parts.push(part);
    rest = rest.slice(part.length);
  }
  return [...parts, rest];
}

/** `3 files`, `1 file`. */
export function countOf(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
