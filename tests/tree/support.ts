/** A tree on a real disk to test with, and seeded files to fill it. */
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { createKnownDigests } from "../../src/tree/known-digests.ts";
import { createLayout } from "../../src/tree/layout.ts";
import type { TreeParts, WantedArtifact } from "../../src/tree/terms.ts";
import { createTree, type Tree } from "../../src/tree/tree.ts";
import { type CountingDigest, createTestDigest } from "./digest.ts";

export interface Bench {
  /** A folder of this test, outside the tree. */
  readonly home: string;
  readonly root: string;
  readonly tree: Tree;
  readonly parts: TreeParts;
  readonly digest: CountingDigest;
  /** Writes a file, making its folders; returns its absolute path. */
  readonly write: (path: string, content: Uint8Array | string) => Promise<string>;
  /** Every file and link below the root but for modelferry's own. */
  readonly names: () => Promise<readonly string[]>;
  /** Brings `content` to its place as a download would. */
  readonly fetch: (wanted: WantedArtifact, content: Uint8Array, options?: { replace: boolean }) => Promise<void>;
}

const homes: string[] = [];

afterEach(async () => {
  for (const home of homes.splice(0)) await rm(home, { recursive: true, force: true });
});

export async function makeHome(on: string = tmpdir()): Promise<string> {
  const home = await mkdtemp(join(on, "modelferry-tree-"));
  homes.push(home);
  return home;
}

export async function createBench(options: { root?: string } = {}): Promise<Bench> {
  const home = await makeHome();
  const root = options.root ?? join(home, "models");
  const digest = createTestDigest();
  const tree = createTree(root, { clock: systemClock, digest });
  const base = { clock: systemClock, digest, layout: createLayout(root) };
  const parts = { ...base, known: createKnownDigests(base) };
  const write = async (path: string, content: Uint8Array | string): Promise<string> => {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
    return path;
  };
  return {
    home,
    root,
    tree,
    parts,
    digest,
    write,
    names: async () => (await allNames(root)).filter((name) => !name.startsWith(".modelferry")),
    fetch: async (wanted, content, { replace } = { replace: false }) => {
      const { content: partial, journal } = tree.partialOf(wanted);
      await write(partial, content);
      await write(journal, "journal");
      await tree.place(partial, wanted, { mirrors: ["mirror.test"], how: "fetched", replace });
    },
  };
}

async function allNames(folder: string): Promise<readonly string[]> {
  const entries = existsSync(folder) ? await readdir(folder, { withFileTypes: true, recursive: true }) : [];
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}

export { seededBytes, sha256Of, wantedOf } from "./seeded.ts";
