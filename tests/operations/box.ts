/** A box for tests: an empty tree, a manifest of its own, a home without tokens, and origins that it knows. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Event, Summary } from "../../src/base/events.ts";
import { createModels, type Models, type ModelsOptions } from "../../src/models.ts";
import { makeSafetensors, sha256Of, type Weights } from "../origins/index.ts";

/** A manifest's entry, without what the test leaves open. */
export interface Entry {
  readonly name: string;
  readonly path?: string;
  readonly aliases?: readonly string[];
  readonly size?: number;
  readonly sha256?: string;
  readonly digestFrom?: string;
  readonly sources: readonly string[];
  readonly pieces?: string;
}

export interface Box extends AsyncDisposable {
  readonly folder: string;
  readonly root: string;
  readonly lockfile: string;
  /** What `createModels` is given, as plain data. */
  readonly settings: ModelsOptions;
  readonly environment: Readonly<Record<string, string>>;
  /** Replaces the manifest, and the kit `all` of all its models. */
  readonly catalogue: (entries: readonly Entry[]) => Promise<void>;
  readonly open: (options?: ModelsOptions) => Models;
  /** Syncs the kit `all` with a new library; gives what it told. */
  readonly sync: (options?: ModelsOptions & Parameters<Models["sync"]>[0]) => Promise<Synced>;
  readonly read: (path: string) => Promise<Buffer>;
  readonly write: (path: string, bytes: Uint8Array) => Promise<void>;
}

export interface Synced {
  readonly summary: Summary;
  readonly events: readonly Event[];
  readonly error: unknown;
}

/** Makes a box; `environment` comes on top of a home of its own. */
export async function makeBox(environment: Readonly<Record<string, string>> = {}): Promise<Box> {
  const folder = await mkdtemp(join(tmpdir(), "modelferry-box-"));
  const at = (...parts: readonly string[]): string => join(folder, ...parts);
  const env = { HOME: at("home"), ...environment };
  const opened: Models[] = [];
  const settings = {
    root: at("models"),
    manifests: [at("manifests")],
    kits: [at("kits")],
    lockfile: at("models.lock.yaml"),
    reserveBytes: 0,
  };
  const box: Box = {
    folder,
    settings,
    root: at("models"),
    lockfile: at("models.lock.yaml"),
    environment: env,
    catalogue: async (entries) => {
      await mkdir(at("manifests"), { recursive: true });
      await mkdir(at("kits"), { recursive: true });
      const models = entries.map((entry) => ({ path: `loras/${entry.name}.safetensors`, ...entry }));
      await writeFile(at("manifests", "box.json"), JSON.stringify({ version: 1, models }));
      const kit = { version: 1, name: "all", description: "All of them", models: entries.map(({ name }) => name) };
      await writeFile(at("kits", "all.json"), JSON.stringify(kit));
    },
    open: (options = {}) => {
      const models = createModels({
        ...settings,
        environment: env,
        cwd: folder,
        ...options,
      });
      opened.push(models);
      return models;
    },
    sync: async (options = {}) => {
      const { isDryRun, isOffline, isFrozen, wait, signal, onEvent, ...settings } = options as Record<string, never>;
      const events: Event[] = [];
      const models = box.open(settings);
      const given = { isDryRun, isOffline, isFrozen, wait, signal };
      const asked = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
      const tell = (event: Event): void => {
        events.push(event);
        (onEvent as ((event: Event) => void) | undefined)?.(event);
      };
      const error = await models.sync({ kits: ["all"], ...asked, onEvent: tell }).then(
        () => null,
        (thrown: unknown) => thrown,
      );
      await models.close();
      const summary = events.at(-1);
      if (summary?.kind !== "summary") throw error ?? new Error(`the last event is ${summary?.kind}`);
      return { summary, events, error };
    },
    read: async (path) => await readFile(at("models", path)),
    write: async (path, bytes) => {
      await mkdir(join(at("models", path), ".."), { recursive: true });
      await writeFile(at("models", path), bytes);
    },
    [Symbol.asyncDispose]: async () => {
      for (const models of opened) await models.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
  await box.catalogue([]);
  return box;
}

/** Weights of an exact size, with the figures that a manifest states about them. */
export async function weights(
  seed: string,
  size: number,
): Promise<{ readonly content: Weights; readonly figures: { readonly size: number; readonly sha256: string } }> {
  const content = makeSafetensors({ size, seed });
  return { content, figures: { size, sha256: await sha256Of(content) } };
}

/** Bytes of a content, whole. */
export { bytesOf } from "../origins/index.ts";
