/** The inputs that once broke something: kept by target and digest, and tried again by the tests. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync, gzipSync } from "node:zlib";

const HOME = fileURLToPath(new URL("../../tests/fixtures/fuzz/", import.meta.url));

export interface Fixture {
  readonly target: string;
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Larger ones are packed: most of them are one thing many times. */
const MOST_PLAIN = 16 * 1024;

/** Keeps an input; gives its path. */
export function keepFixture(target: string, bytes: Uint8Array): string {
  const name = createHash("sha256").update(bytes).digest("hex").slice(0, 16);
  const isPacked = bytes.length > MOST_PLAIN;
  const path = join(HOME, target, isPacked ? `${name}.gz` : name);
  mkdirSync(join(HOME, target), { recursive: true });
  writeFileSync(path, isPacked ? gzipSync(bytes, { level: 9 }) : bytes);
  return path;
}

/** All that were kept. */
export function readFixtures(): readonly Fixture[] {
  if (!existsSync(HOME)) return [];
  return readdirSync(HOME).flatMap((target) =>
    readdirSync(join(HOME, target)).map((name) => ({ target, name, bytes: unpacked(join(HOME, target, name)) })),
  );
}

function unpacked(path: string): Uint8Array {
  const bytes = readFileSync(path);
  return path.endsWith(".gz") ? gunzipSync(bytes) : bytes;
}
