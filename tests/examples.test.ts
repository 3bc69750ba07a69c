/** The examples: the shell and Node ones run as they are, the Python ones with a cog and a modal of a few lines. */
import { spawnSync } from "node:child_process";
import { chmod, mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { type Box, makeBox, weights } from "./operations/box.ts";
import { runProgram } from "./operations/child.ts";
import { type RangeServer, startRangeServer } from "./origins/index.ts";

const EXAMPLES = fileURLToPath(new URL("../examples/", import.meta.url));
const CLI = fileURLToPath(new URL("../dist/bin/models.cjs", import.meta.url));
const { PATH = "" } = process.env;
const GRAPH = { "1": { class_type: "LoraLoader", inputs: { lora_name: "box-a.safetensors" } } };
const OTHER = { "1": { class_type: "LoraLoader", inputs: { lora_name: "nobody-knows-it.safetensors" } } };

let server: RangeServer;
beforeAll(async () => {
  server = await startRangeServer();
});
afterAll(async () => await server.close());

interface Stage extends AsyncDisposable {
  readonly box: Box;
  readonly env: Readonly<Record<string, string>>;
  /** Path of the model that the kit holds. */
  readonly placed: string;
}

/** A box with `models` on its path, a kit of one model, and a config that knows both. */
async function makeStage(): Promise<Stage> {
  const box = await makeBox();
  const { content, figures } = await weights("examples", 600_000);
  await box.catalogue([{ name: "box-a", ...figures, sources: [server.put("a.safetensors", content)] }]);
  const bin = join(box.folder, "bin");
  await mkdir(bin);
  await writeFile(
    join(bin, "models"),
    `#!/bin/sh\nexec ${JSON.stringify(process.execPath)} ${JSON.stringify(CLI)} "$@"\n`,
  );
  await chmod(join(bin, "models"), 0o755);
  const config = { manifests: ["manifests"], kits: ["kits"], limits: { reserve: 0 } };
  await writeFile(join(box.folder, "models.config.yaml"), JSON.stringify(config));
  return {
    box,
    placed: join(box.root, "loras/box-a.safetensors"),
    env: {
      ...box.environment,
      PATH: `${bin}:${PATH}`,
      MODELS_CONFIG: join(box.folder, "models.config.yaml"),
      MODELS_ROOT: box.root,
      BASE_MODEL_KIT: "all",
    },
    [Symbol.asyncDispose]: () => box[Symbol.asyncDispose](),
  };
}

const run = (program: string, args: readonly string[], { box, env }: Stage) =>
  runProgram(program, args, { env, cwd: box.folder }).ended;

async function expectPlaced({ placed }: Stage): Promise<void> {
  expect((await stat(placed)).size).toBe(600_000);
}

describe("examples/vastai-runpod/onstart.sh", () => {
  const script = join(EXAMPLES, "vastai-runpod/onstart.sh");

  it("brings the kit, then runs the command", async () => {
    await using stage = await makeStage();
    const { code, out, err } = await run("bash", [script, "sh", "-c", "ls $MODELS_ROOT/loras"], stage);
    expect(code, err).toBe(0);
    expect(out).toContain("box-a.safetensors");
    await expectPlaced(stage);
  });

  it("does not run the command when a model cannot be had", async () => {
    await using stage = await makeStage();
    await stage.box.catalogue([{ name: "box-a", size: 5, sha256: "ab".repeat(32), sources: [`${server.url}/gone`] }]);
    const { code, out, err } = await run("bash", [script, "echo", "it ran"], stage);
    expect(code).toBe(1);
    expect(out).not.toContain("it ran");
    expect(err).toContain("box-a");
  });
});

describe("examples/kubernetes/init-container.yaml", () => {
  it("its init container brings the kit", async () => {
    await using stage = await makeStage();
    const pod = parse(await readFile(join(EXAMPLES, "kubernetes/init-container.yaml"), "utf8"));
    const [{ command, args, env }] = pod.spec.initContainers;
    expect(env.map(({ name }: { name: string }) => name)).toEqual(["BASE_MODEL_KIT", "MODELS_ROOT", "HF_TOKEN"]);
    const { code, err } = await run(command[0], [...command.slice(1), ...args], stage);
    expect(code, err).toBe(0);
    await expectPlaced(stage);
  });
});

describe("examples/docker/Dockerfile", () => {
  it("its stage brings the kit", async () => {
    await using stage = await makeStage();
    const text = await readFile(join(EXAMPLES, "docker/Dockerfile"), "utf8");
    const steps = text
      .replaceAll("\\\n", " ")
      .split("\n")
      .filter((line) => line.startsWith("RUN ") && / models /.test(line));
    expect(steps).toHaveLength(1);
    const command = steps[0]?.replace(/^RUN (?:--\S+ +)*/, "") ?? "";
    const { code, err } = await run("sh", ["-c", command], { ...stage, env: { ...stage.env, KIT: "all" } });
    expect(code, err).toBe(0);
    await expectPlaced(stage);
  });
});

describe("examples/node/worker.mjs", () => {
  it("takes no job before its models are here, and refuses one whose models are not", async () => {
    await using stage = await makeStage();
    const input = `${JSON.stringify(GRAPH)}\n${JSON.stringify(OTHER)}\n`;
    const worker = spawnWorker(stage, input);
    const { code, out, err } = await worker;
    expect(code, err).toBe(0);
    const [ready, first, second] = out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(ready).toEqual({ ready: true });
    expect(first).toEqual({ ok: true, models: ["loras/box-a.safetensors"] });
    expect(second).toMatchObject({
      ok: false,
      code: "MODELS_MISSING",
      problems: [{ at: "nobody-knows-it.safetensors" }],
    });
    expect(err).toContain("fetched loras/box-a.safetensors");
  });

  function spawnWorker(stage: Stage, input: string): ReturnType<typeof run> {
    const child = runProgram(process.execPath, [join(EXAMPLES, "node/worker.mjs")], {
      env: stage.env,
      cwd: stage.box.folder,
      input,
    });
    return child.ended;
  }
});

const python = spawnSync("python3", ["--version"], { encoding: "utf8" });
const hasPython = python.status === 0;
if (!hasPython) process.stderr.write("SKIPPED: the Python examples did not run, there is no python3 on this machine\n");

describe.skipIf(!hasPython)("examples in Python", () => {
  /** The few names of cog and modal that the examples use. */
  const STUBS = {
    "cog.py": "class BasePredictor: pass\ndef Input(description=''): return None\n",
    "modal.py": `
class Image:
    commands = []
    @classmethod
    def debian_slim(cls): return cls()
    def apt_install(self, *names): return self
    def run_commands(self, *commands): Image.commands += commands; return self
class Secret:
    @staticmethod
    def from_name(name): return name
class App:
    def __init__(self, name, image): pass
    def cls(self, **options): return lambda made: made
def enter(): return lambda made: made
def method(): return lambda made: made
`,
  };

  async function runPython(stage: Stage, folder: string, code: string) {
    const stubs = join(stage.box.folder, "stubs");
    await mkdir(stubs);
    for (const [name, text] of Object.entries(STUBS)) await writeFile(join(stubs, name), text);
    const env = { ...stage.env, PYTHONPATH: `${stubs}:${join(EXAMPLES, folder)}`, PYTHONDONTWRITEBYTECODE: "1" };
    return await run("python3", ["-c", code], { ...stage, env });
  }

  it("cog: setup() brings the kit, predict() refuses a workflow whose models are not here", async () => {
    await using stage = await makeStage();
    const code = `
import json, predict
one = predict.Predictor()
one.setup()
print(one.predict(${JSON.stringify(JSON.stringify(GRAPH))}))
try:
    one.predict(${JSON.stringify(JSON.stringify(OTHER))})
except ValueError as error:
    print(error)
`;
    const { code: exit, out, err } = await runPython(stage, "cog", code);
    expect(exit, err).toBe(0);
    expect(out).toContain("ready to run");
    expect(out).toContain("This container lacks: loras/nobody-knows-it.safetensors (unknown)");
    await expectPlaced(stage);
  });

  it("cog: its build file names the predictor", async () => {
    const file = parse(await readFile(join(EXAMPLES, "cog/cog.yaml"), "utf8"));
    expect(file).toMatchObject({ predict: "predict.py:Predictor" });
  });

  it("modal: the image and the start of a container bring their kits", async () => {
    await using stage = await makeStage();
    const code = `
import app, modal, subprocess
for command in modal.Image.commands:
    print(command)
app.Worker().start()
`;
    const {
      code: exit,
      out,
      err,
    } = await runPython({ ...stage, env: { ...stage.env, IMAGE_KIT: "all" } }, "modal", code);
    expect(exit, err).toBe(0);
    expect(out).toContain("models sync --kit all --root /comfyui/models");
    await expectPlaced(stage);
  });
});
