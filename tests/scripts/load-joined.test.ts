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
import { describe, expect, it } from "vitest";

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
    /** What V8 says of the compiled code that it was given: taken, refused, or that there was none. */
    verdict: async (): Promise<string> => {
      const watch = `
        const vm = require("node:vm");
        vm.Script = class extends vm.Script {
          constructor(...args) {
            super(...args);
            console.log({ true: "refused", false: "taken" }[this.cachedDataRejected] ?? "none");
          }
        };
        require("./dist/bin/load-joined.cjs");`;
      const script = join(folder, "watch.cjs");
      writeFileSync(script, watch);
      return (await run([script])).trim();
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true }),
  };
}

const KEPT = `joined-${process.version}-${process.arch}.bin`;

describe("the joined command line", () => {
  it("takes what V8 compiled in the process before", async () => {
    using installed = install();
    expect(await installed.verdict()).toBe("none");
    const first = await installed.models(["kits"]);
    expect(installed.kept()).toEqual([KEPT]);
    expect(await installed.verdict()).toBe("taken");
    expect(await installed.models(["kits"])).toBe(first);
  });

  it("keeps more when another command has run, and nothing new when the same one has", async () => {
    using installed = install();
    const size = (): number => readFileSync(installed.path(KEPT)).length;
    await installed.models(["kits"]);
    const one = size();
    await installed.models(["kits"]);
    expect(size()).toBe(one);
    await installed.models(["completion", "bash"]);
    const both = size();
    expect(both).toBeGreaterThan(one);
    await installed.models(["kits"]);
    expect(size()).toBe(both);
  });

  it("works with what is torn or was made of another text, and replaces it", async () => {
    using installed = install();
    const first = await installed.models(["kits"]);
    const kept = readFileSync(installed.path(KEPT), "latin1");
    truncateSync(installed.path(KEPT), 100);
    expect(await installed.models(["kits"])).toBe(first);
    writeFileSync(installed.path(KEPT), kept.replace(/"of":"\/\/ ./, '"of":"// x'), "latin1");
    expect(await installed.verdict()).toBe("none");
    expect(await installed.models(["kits"])).toBe(first);
    expect(await installed.verdict()).toBe("taken");
  });

  it("keeps nothing of a command that failed, nor where Node is told to keep nothing", async () => {
    using installed = install();
    await expect(installed.models(["kits", "show", "no-such-kit"])).rejects.toThrow("no-such-kit");
    await installed.models(["kits"], { NODE_DISABLE_COMPILE_CACHE: "1" });
    expect(installed.kept()).toEqual([]);
  });

  it("runs, and leaves what is kept alone, where V8 has other options", async () => {
    using installed = install();
    const first = await installed.models(["kits"]);
    const kept = readFileSync(installed.path(KEPT));
    expect(await installed.models(["kits"], { NODE_OPTIONS: "--max-old-space-size=500" })).toBe(first);
    expect(readFileSync(installed.path(KEPT)).equals(kept)).toBe(true);
  });
});
