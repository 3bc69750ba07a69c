import { execFile } from "node:child_process";
import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Worker } from "node:worker_threads";
import { describe, expect, it, vi } from "vitest";

const HOME = fileURLToPath(new URL("../..", import.meta.url));
const execute = promisify(execFile);

/** An installed package of its own, so that no other test's process keeps anything in it. */
function install() {
  const folder = mkdtempSync(join(tmpdir(), "modelferry-joined-"));
  const bin = join(folder, "dist", "bin");
  cpSync(join(HOME, "dist", "bin"), bin, { recursive: true, filter: (path) => !path.endsWith(".bin") });
  cpSync(join(HOME, "dist", "catalog.json"), join(folder, "dist", "catalog.json"));
  for (const name of ["package.json", "manifests", "kits", "node_modules"]) {
    symlinkSync(join(HOME, name), join(folder, name));
  }
  const { NODE_V8_COVERAGE: _, NODE_OPTIONS: __, ...environment } = process.env;
  const run = async (args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> =>
    (await execute(process.execPath, args, { cwd: folder, env: { ...environment, ...env } })).stdout;
  return {
    models: (args: readonly string[], env?: Readonly<Record<string, string>>) =>
      run([join(bin, "models.cjs"), ...args], env),
    kept: (): readonly string[] => readdirSync(bin).filter((name) => name.includes(".bin")),
    path: (name: string): string => join(bin, name),
    /** What V8 says of the code that was kept for `command`: taken, refused, or that there was none. */
    verdict: async (command: string, env?: Readonly<Record<string, string>>): Promise<string> => {
      const watch = `
        const vm = require("node:vm");
        vm.Script = class extends vm.Script {
          constructor(...args) {
            super(...args);
            console.log({ true: "refused", false: "taken" }[this.cachedDataRejected] ?? "none");
            process.exit(1);
          }
        };
        require("./dist/bin/load-joined.cjs").runCommand("models.cjs", "${command}");`;
      const script = join(folder, "watch.cjs");
      writeFileSync(script, watch);
      const told = await run([script], env).catch(({ stdout }: { stdout: string }) => stdout);
      return told.trim();
    },
    /** Runs a thread until `isDone`. */
    whileThread: async (file: string, isDone: () => boolean): Promise<void> => {
      const thread = new Worker(file);
      try {
        await vi.waitFor(() => expect(isDone()).toBe(true), { timeout: 20_000, interval: 50 });
      } finally {
        await thread.terminate();
      }
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true }),
  };
}

const keptFor = (user: string): string => `joined-${user}-${process.version}-${process.arch}.bin`;
const KITS = keptFor("kits");

describe("the joined command line", () => {
  it("takes what V8 compiled in the process before", async () => {
    using installed = install();
    expect(await installed.verdict("kits")).toBe("none");
    const first = await installed.models(["kits"]);
    expect(installed.kept()).toEqual([KITS]);
    expect(await installed.verdict("kits")).toBe("taken");
    expect(await installed.models(["kits"])).toBe(first);
  });

  it("keeps what each command needs, and nothing new when the same one has run", async () => {
    using installed = install();
    const read = (): Buffer => readFileSync(installed.path(KITS));
    await installed.models(["kits"]);
    const before = read();
    await installed.models(["completion", "bash"]);
    await installed.models(["kits"]);
    expect(read().equals(before)).toBe(true);
    expect(installed.kept()).toEqual([keptFor("completion"), KITS]);
    await installed.models(["--version"]);
    await installed.models(["completion", "zsh"]);
    expect(installed.kept()).toEqual([keptFor("completion"), KITS, keptFor("models")]);
  });

  it("keeps what a thread needs while the thread lives", async () => {
    using installed = install();
    await installed.whileThread(installed.path("digest-worker.cjs"), () =>
      installed.kept().includes(keptFor("digest-worker")),
    );
    expect(installed.kept()).toEqual([keptFor("digest-worker")]);
  });

  it("works with what is torn or was made of another text, and replaces it", async () => {
    using installed = install();
    const first = await installed.models(["kits"]);
    const kept = readFileSync(installed.path(KITS), "latin1");
    truncateSync(installed.path(KITS), 100);
    expect(await installed.models(["kits"])).toBe(first);
    writeFileSync(installed.path(KITS), kept.replace(/"of":"\/\/ ./, '"of":"// x'), "latin1");
    expect(await installed.verdict("kits")).toBe("none");
    expect(await installed.models(["kits"])).toBe(first);
    expect(await installed.verdict("kits")).toBe("taken");
  });

  it("keeps nothing of what failed or is no command, nor where Node is told to keep nothing", async () => {
    using installed = install();
    await expect(installed.models(["kits", "show", "no-such-kit"])).rejects.toThrow("no-such-kit");
    await expect(installed.models(["kitz"])).rejects.toThrow("kitz");
    await installed.models(["kits"], { NODE_DISABLE_COMPILE_CACHE: "1" });
    expect(installed.kept()).toEqual([]);
  });

  it("reads nothing that was kept where Node is told to keep nothing, and leaves it alone", async () => {
    using installed = install();
    const first = await installed.models(["kits"]);
    const kept = readFileSync(installed.path(KITS));
    expect(await installed.verdict("kits", { NODE_DISABLE_COMPILE_CACHE: "1" })).toBe("none");
    expect(await installed.models(["kits"], { NODE_DISABLE_COMPILE_CACHE: "1" })).toBe(first);
    expect(readFileSync(installed.path(KITS)).equals(kept)).toBe(true);
  });

  it("runs, and leaves what is kept alone, where V8 has other options", async () => {
    using installed = install();
    const first = await installed.models(["kits"]);
    const kept = readFileSync(installed.path(KITS));
    expect(await installed.models(["kits"], { NODE_OPTIONS: "--max-old-space-size=500" })).toBe(first);
    expect(readFileSync(installed.path(KITS)).equals(kept)).toBe(true);
  });
});
