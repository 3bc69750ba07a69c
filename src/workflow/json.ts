/** Reads the JSON of a workflow as Python and people write it: byte order marks, UTF-16, bare `NaN` and `Infinity`. */

const NOT_JSON_NUMBERS = ["-Infinity", "Infinity", "NaN"] as const;

/** Text of a file in UTF-8 or, with a byte order mark, UTF-16. */
export function decodeText(bytes: Uint8Array): string {
  const [first, second] = bytes;
  if (first === 0xff && second === 0xfe) return new TextDecoder("utf-16le").decode(bytes);
  if (first === 0xfe && second === 0xff) return new TextDecoder("utf-16be").decode(bytes);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
}

/**
 * The value that `text` stands for, `null` for a bare `NaN` or `Infinity`.
 * @throws SyntaxError when it is no JSON even so
 */
export function parseJson(text: string): unknown {
  const plain = text.startsWith("\ufeff") ? text.slice(1) : text;
  try {
    return JSON.parse(plain);
  } catch (error) {
    if (!/NaN|Infinity/.test(plain)) throw error;
    return JSON.parse(withoutBareNumbers(plain));
  }
}

/** One pass from quote to quote, so that text keeps its words and a missing quote costs no more than a present one. */
function withoutBareNumbers(text: string): string {
  const parts: string[] = [];
  let at = 0;
  while (at < text.length) {
    const quote = text.indexOf('"', at);
    const end = quote < 0 ? text.length : quote;
    parts.push(nullInPlaceOfNumbers(text.slice(at, end)));
    if (quote < 0) break;
    at = endOfString(text, quote);
    parts.push(text.slice(quote, at));
  }
  return parts.join("");
}

function nullInPlaceOfNumbers(between: string): string {
  return NOT_JSON_NUMBERS.reduce((text, word) => text.replaceAll(word, "null"), between);
}

function endOfString(text: string, quote: number): number {
  let at = quote + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
  return at + 1;
}
