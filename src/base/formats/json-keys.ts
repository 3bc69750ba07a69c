/** Whether a JSON text names a key twice in one object, which `JSON.parse` hides. Pure. */

/**
 * True when some object in `text` has the same key twice. `parsed` is what `JSON.parse` made of it:
 * a repeated key is written more often than it is kept.
 */
export function hasRepeatedKey(text: string, parsed: unknown): boolean {
  return writtenKeys(text) !== keptKeys(parsed);
}

function writtenKeys(text: string): number {
  // Strings are matched whole, so a colon is only ever one that follows a key.
  let keys = 0;
  for (const token of text.matchAll(/"(?:[^"\\]|\\.)*"|:/gs)) if (token[0] === ":") keys += 1;
  return keys;
}

function keptKeys(parsed: unknown): number {
  let keys = 0;
  const left: unknown[] = [parsed];
  while (left.length > 0) {
    const value = left.pop();
    if (typeof value !== "object" || value === null) continue;
    const members = Object.values(value);
    if (!Array.isArray(value)) keys += members.length;
    for (const member of members) if (typeof member === "object") left.push(member);
  }
  return keys;
}
