import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { CommandEntry } from "../../src/cli/command.ts";
import { COMMANDS } from "../../src/cli/commands.ts";
import { completeWords, type Names } from "../../src/cli/complete.ts";
import { completionScript, SHELLS } from "../../src/cli/completion-scripts.ts";
import { MAIN, runModels, start } from "./run-models.ts";

const { PATH = "" } = process.env;

const names: Names = {
  kits: async () => [
    { value: "flux", says: "FLUX" },
    { value: "flux-dev", says: "FLUX dev" },
    { value: "sdxl", says: "SDXL" },
  ],
  models: async () => [{ value: "clip-l", says: "text_encoders/clip_l.safetensors" }],
};

async function complete(line: string, commands: readonly CommandEntry[] = COMMANDS): Promise<readonly string[]> {
  const { candidates, also } = await completeWords(line.split(" "), commands, names);
  return also === "nothing"
    ? candidates.map(({ value }) => value)
    : [...candidates.map(({ value }) => value), `:${also}`];
}

describe("completeWords()", () => {
  it("offers commands first, and after global flags", async () => {
    expect(await complete("")).toEqual(COMMANDS.map(({ name }) => name));
    expect(await complete("k")).toEqual(["kits", "keys"]);
    expect(await complete("--root /m ver")).toEqual(["verify"]);
  });

  it("offers the flags of the command and those of all commands", async () => {
    expect(await complete("check --")).toEqual(
      expect.arrayContaining(["--kit", "--deep", "--strict", "--json", "--help"]),
    );
    expect(await complete("check --d")).toEqual(["--deep"]);
    expect(await complete("--v")).toEqual(["--version"]);
  });

  it("offers kits after --kit, also after a comma and an equals sign", async () => {
    expect(await complete("sync --kit ")).toEqual(["flux", "flux-dev", "sdxl"]);
    expect(await complete("sync -k fl")).toEqual(["flux", "flux-dev"]);
    expect(await complete("sync --kit flux,s")).toEqual(["flux,sdxl"]);
    expect(await complete("sync --kit flux,")).toEqual(["flux,flux-dev", "flux,sdxl"]);
    expect(await complete("sync --kit=sd")).toEqual(["--kit=sdxl"]);
  });

  it("offers models, shells and kit names as arguments, and nothing where nothing fits", async () => {
    expect(await complete("sync --kit flux c")).toEqual(["clip-l"]);
    expect(await complete("completion ")).toEqual(["bash", "zsh", "fish"]);
    expect(await complete("kits show f")).toEqual(["flux", "flux-dev"]);
    expect(await complete("ls ")).toEqual([]);
    expect(await complete("sync --max-rate ")).toEqual([]);
    expect(await complete("nonsense ")).toEqual(COMMANDS.map(({ name }) => name));
  });

  it("leaves files and folders to the shell", async () => {
    expect(await complete("sync --workflow ")).toEqual([":file"]);
    expect(await complete("--root ")).toEqual([":folder"]);
  });
});

describe("models __complete", () => {
  it("answers one candidate a line with what it says, then what else to offer", async () => {
    const { code, stdout } = await runModels(["__complete", "--", "sync", "--kit", "flux-sch"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^flux-schnell\tFLUX\.1 schnell[^\n]*\nflux-schnell-fp8\t[^\n]*\n:nothing\n$/);
  });

  it("is silent about a broken catalogue", async () => {
    const answer = await runModels(["__complete", "--", "sync", "--manifests", "/nowhere", "--kit", ""]);
    expect(answer.code).toBe(0);
    expect(answer.stderr).toBe("");
  });
});

describe("completionScript()", () => {
  it.each(SHELLS)("%s is what the command prints", async (shell) => {
    expect(await runModels(["completion", shell])).toEqual({ code: 0, stdout: completionScript(shell), stderr: "" });
  });

  it.each(SHELLS.filter(hasShell))("%s parses in that shell", (shell) => {
    const folder = mkdtempSync(join(tmpdir(), "modelferry-completion-"));
    const script = join(folder, "script");
    writeFileSync(script, completionScript(shell));
    execFileSync(shell, ["-n", script]);
    rmSync(folder, { recursive: true });
  });

  it.runIf(process.env["CI"] === "true")("every shell is here to be asked", () => {
    expect(SHELLS.filter((shell) => !hasShell(shell))).toEqual([]);
  });
});

describe.skipIf(!hasShell("fish"))("completion in a real fish", () => {
  it("completes kits with what they say", async () => {
    const script = `${completionScript("fish")}\ncomplete -C "models sync --kit flux-sch"`;
    const folder = mkdtempSync(join(tmpdir(), "modelferry-completion-"));
    writeFileSync(join(folder, "models"), `#!/bin/sh\nexec "${process.execPath}" "${MAIN}" "$@"\n`);
    chmodSync(join(folder, "models"), 0o755);
    const env = { PATH: `${folder}:${PATH}`, HOME: folder };
    const { stdout } = await start("fish", ["-c", script], { env, cwd: folder }).ended;
    rmSync(folder, { recursive: true });
    expect(stdout.split("\n")[0]).toMatch(/^flux-schnell\tFLUX/);
  });
});

function hasShell(shell: string): boolean {
  try {
    execFileSync(shell, ["-c", "true"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

describe.skipIf(!hasShell("bash"))("completion in a real bash", () => {
  let home = "";
  beforeAll(() => {
    home = mkdtempSync(join(tmpdir(), "modelferry-completion-"));
    mkdirSync(join(home, "bin"));
    mkdirSync(join(home, "some-folder"));
    writeFileSync(join(home, "some graph.json"), "{}");
    writeFileSync(join(home, "bin", "models"), `#!/bin/sh\nexec "${process.execPath}" "${MAIN}" "$@"\n`);
    chmodSync(join(home, "bin", "models"), 0o755);
  });
  afterAll(() => rmSync(home, { recursive: true, force: true }));

  /** What bash would offer after `words`, split as bash splits them. */
  async function offered(...words: readonly string[]): Promise<readonly string[]> {
    const script = `${completionScript("bash")}
      cd ${JSON.stringify(home)}
      COMP_WORDS=(models ${words.map((word) => JSON.stringify(word)).join(" ")})
      COMP_CWORD=${words.length}
      _models_completion models
      printf '%s\\n' "\${COMPREPLY[@]}"`;
    const env = { PATH: `${join(home, "bin")}:${PATH}` };
    const { stdout } = await start("bash", ["-c", script], { env, cwd: home }).ended;
    return stdout.split("\n").filter((line) => line !== "");
  }

  it("completes commands, flags, kits and models", async () => {
    expect(await offered("ch")).toEqual(["check"]);
    expect(await offered("check", "--str")).toEqual(["--strict"]);
    expect(await offered("sync", "--kit", "flux-k")).toEqual(["flux-kontext"]);
    expect(await offered("sync", "flux1-sch")).toContain("flux1-schnell");
  });

  it("completes behind the equals sign at which bash splits", async () => {
    expect(await offered("sync", "--kit", "=", "flux-k")).toEqual(["flux-kontext"]);
    expect(await offered("sync", "--mirror", "https", ":", "//host/x", "--kit", "flux-k")).toEqual(["flux-kontext"]);
  });

  it("completes files with spaces, and folders only where a folder is meant", async () => {
    expect([...(await offered("sync", "--workflow", "some"))].sort()).toEqual(["some graph.json", "some-folder"]);
    expect(await offered("--root", "some")).toEqual(["some-folder"]);
  });

  it("is loaded by bash as it is documented", async () => {
    const script = `source <(models completion bash); complete -p models`;
    const env = { PATH: `${join(home, "bin")}:${PATH}` };
    expect((await start("bash", ["-c", script], { env }).ended).stdout).toBe("complete -F _models_completion models\n");
  });
});
