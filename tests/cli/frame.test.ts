import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { COMMANDS } from "../../src/cli/commands.ts";
import { EXIT_MEANINGS } from "../../src/cli/exit-codes.ts";
import { runModels } from "./run-models.ts";

const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
  version: string;
};

describe("models", () => {
  it("says on standard error how to start, with exit code 2, when it is told nothing", async () => {
    const { code, stdout, stderr } = await runModels([]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain("Start in ten seconds:");
    expect(stderr).toContain("models sync --kit flux");
    expect((await runModels(["--json"])).code).toBe(2);
  });

  it("--help lists every command in its group, every option of all commands and every exit code", async () => {
    const { code, stdout, stderr } = await runModels(["--help"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    for (const { name, purpose } of COMMANDS) expect(stdout).toContain(`  ${name.padEnd(10)}  ${purpose}`);
    for (const [exit, meaning] of Object.entries(EXIT_MEANINGS))
      expect(stdout).toContain(`  ${exit.padEnd(3)}  ${meaning}`);
    for (const flag of ["--root", "--config", "--manifests", "--kits", "--json", "--quiet", "--no-color"]) {
      expect(stdout).toContain(flag);
    }
  });

  it("shows every command, and none that does not exist", async () => {
    const { stdout } = await runModels(["--help"]);
    const shown = [...stdout.matchAll(/^ {2}([a-z_]+) {2,}/gm)].map(([, name]) => name);
    expect(shown.toSorted()).toEqual(COMMANDS.map(({ name }) => name).toSorted());
  });

  it("--version is the version of the package", async () => {
    expect(await runModels(["--version"])).toEqual({ code: 0, stdout: `${version}\n`, stderr: "" });
  });

  it.each(COMMANDS.map(({ name }) => name))(
    "%s --help has a purpose, three examples, options and exit codes",
    async (name) => {
      const { code, stdout } = await runModels([name, "--help"]);
      expect(code).toBe(0);
      expect(stdout).toMatch(new RegExp(`^models ${name}: .+\\n\\nUsage: models ${name} `));
      expect(stdout.match(/^ {2}# /gm)?.length).toBeGreaterThanOrEqual(3);
      expect(stdout).toContain("Options of every command:");
      expect(stdout).toMatch(/Exit codes:\n {2}0 +done\n/);
      expect(await runModels(["help", name])).toMatchObject({ code: 0, stdout });
    },
  );

  it("is not wider than 100 columns in a pipe", async () => {
    for (const args of [["--help"], ["sync", "--help"], ["adopt", "--help"]]) {
      const { stdout } = await runModels(args);
      expect(stdout.split("\n").filter((line) => line.length > 100 && !line.startsWith("  models "))).toEqual([]);
    }
  });
});

describe("a mistyped command line", () => {
  const refused = [
    [["chekc"], 'did you mean "check"?'],
    [["sync", "--dryrun"], 'did you mean "--dry-run"?'],
    [["sync", "--jsn"], 'did you mean "--json"?'],
    [["sync", "--kitt", "x"], 'did you mean "--kit" or "--kits"?'],
    [["--rot", "x", "sync"], 'did you mean "--root"?'],
    [["kits", "shwo"], 'did you mean "show"?'],
    [["kits", "flux"], "models kits show flux"],
    [["kits", "show", "flx"], 'did you mean "flux"?'],
    [["check", "--kit", "flx"], 'did you mean "flux"?'],
    [["sync", "--kit"], "models sync --help"],
    [["sync", "--max-rate", "fast"], "write it as 50MB"],
    [["sync", "--lanes", "0"], "leave --lanes out"],
    [["completion", "bsh"], 'did you mean "bash"?'],
    [["ls", "too", "many"], "models ls --help"],
  ] as const;

  it.each(refused)("%j is a usage error with a fix", async (args, fix) => {
    const { code, stdout, stderr } = await runModels(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(/^✗ Cannot /);
    expect(stderr).toMatch(/\n {2}fix: /);
    expect(stderr).toContain(fix);
  });

  it("is JSON on standard output, too, when JSON was asked for", async () => {
    const { code, stdout } = await runModels(["check", "--kit", "flx", "--json"]);
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({
      ok: false,
      error: { code: "KIT_UNKNOWN", fix: 'did you mean "flux"?' },
    });
  });

  it("with nothing selected lists the kits", async () => {
    for (const command of ["sync", "check", "lock"]) {
      const { code, stderr } = await runModels([command]);
      expect(code).toBe(2);
      expect(stderr).toMatch(/nothing is selected/);
      expect(stderr).toMatch(/ {2}kits: .*\bflux\b/);
      expect(stderr).toContain(`fix: models ${command} --kit flux`);
    }
  });

  it("shows a stack only with MODELS_DEBUG=1", async () => {
    expect((await runModels(["check", "--kit", "flx"])).stderr).not.toMatch(/^ +at /m);
    expect((await runModels(["check", "--kit", "flx"], { env: { MODELS_DEBUG: "1" } })).stderr).toMatch(/^ +at /m);
  });

  it("shows every problem of a manifest at its place", async () => {
    const manifests = new URL("./bad-manifest.yaml", import.meta.url).pathname;
    const { code, stderr } = await runModels(["kits", "--manifests", manifests]);
    expect(code).toBe(2);
    expect(stderr.match(/^ {2}\S*bad-manifest\.yaml:\d+:\d+: /gm)?.length).toBeGreaterThanOrEqual(2);
  });
});
