/** What a workflow's author declares: taken only from where and in the form that a person allowed. */
import { describe, expect, it } from "vitest";
import { type DeclaredPolicy, withDeclared } from "../../src/operations/declared-models.ts";
import { matchReferences } from "../../src/operations/match-references.ts";
import type { Reference } from "../../src/workflow/reference.ts";
import { startHub, startRangeServer } from "../origins/index.ts";
import { makeBox, weights } from "./box.ts";
import { catalogOf, model, sha } from "./catalog.ts";

const POLICY: DeclaredPolicy = {
  hosts: ["huggingface.co", "civitai.com", "github.com", "127.0.0.1:8000"],
  allowPickle: false,
  isSigned: false,
};
const HUB = "https://huggingface.co/org/repo/resolve/main/new.safetensors";

function reference(url: string, given: Partial<Reference> = {}): Reference {
  return {
    nodes: [{ id: "7", class: "LoraLoader", input: "lora_name" }],
    input: "lora_name",
    folder: "loras",
    folders: ["loras"],
    name: "New Style.safetensors",
    raw: "New Style.safetensors",
    how: "registry",
    isActive: true,
    declared: { url, sha256: null, directory: "loras" },
    ...given,
  };
}

function declare(one: Reference, policy: Partial<DeclaredPolicy> = {}, catalog = catalogOf([])) {
  const [match] = withDeclared(matchReferences([one], catalog), catalog, { ...POLICY, ...policy });
  return { model: match?.models[0], fix: match?.unknown?.fix };
}

describe("withDeclared()", () => {
  it("makes a model with the place that the node looks in, the source and the declared digest", () => {
    const declared = { url: HUB, sha256: sha("a"), directory: "loras" };
    expect(declare(reference(HUB, { declared })).model).toMatchObject({
      name: "loras-new-style",
      path: "loras/New Style.safetensors",
      sha256: sha("a"),
      digestFrom: "the workflow",
      sources: ["hf://org/repo@main/new.safetensors"],
      at: "node 7 (LoraLoader)",
    });
    expect(declare(reference(HUB)).model).toMatchObject({ sha256: null, digestFrom: null, size: null });
  });

  it.each([
    [`${HUB}?download=true`, "hf://org/repo@main/new.safetensors"],
    ["https://huggingface.co/org/repo/blob/v1/a/new.safetensors", "hf://org/repo@v1/a/new.safetensors"],
    ["https://civitai.com/api/download/models/42?type=Model&token=secret", "civitai://42?type=Model"],
    ["https://github.com/o/r/blob/main/new.safetensors", "https://github.com/o/r/raw/main/new.safetensors"],
    ["http://127.0.0.1:8000/new.safetensors", "http://127.0.0.1:8000/new.safetensors"],
  ])("reads %s as %s", (url, source) => {
    expect(declare(reference(url)).model?.sources).toEqual([source]);
  });

  it.each([
    ["http://huggingface.co/org/repo/resolve/main/new.safetensors", "http://, expected https"],
    ["http://127.0.0.1:9000/new.safetensors", "--allow-host 127.0.0.1:9000"],
    ["https://evil.example/new.safetensors", "--allow-host evil.example"],
    ["https://huggingface.co.evil.example/new.safetensors", "--allow-host huggingface.co.evil.example"],
    ["https://huggingface.co:8443/new.safetensors", "--allow-host huggingface.co:8443"],
    ["https://user:pass@github.com/new.safetensors", "cannot be used"],
    ["file:///etc/passwd", "expected https"],
  ])("refuses %s and says what to do", (url, fix) => {
    const refused = declare(reference(url));
    expect(refused.model).toBeUndefined();
    expect(refused.fix).toContain(fix);
    expect(refused.fix).toContain("write an entry for it");
  });

  it("refuses what can run code unless that is allowed, and everything where only signatures count", () => {
    const pickle = reference("https://huggingface.co/org/repo/resolve/main/x.pth", { name: "x.pth", raw: "x.pth" });
    expect(declare(pickle).fix).toContain("--allow-pickle");
    expect(declare(pickle, { allowPickle: true }).fix).toContain("write an entry with its sha256 into a manifest");
    const onnx = reference("https://huggingface.co/org/repo/resolve/main/x.onnx", { name: "x.onnx", raw: "x.onnx" });
    expect(declare(onnx).model).toBeUndefined();
    expect(declare(onnx, { allowPickle: true }).model?.path).toBe("loras/x.onnx");
    expect(declare(reference(HUB), { isSigned: true }).fix).toContain("only what was signed");
  });

  it("never leaves the tree, and never takes the name of a model of the catalogue", () => {
    const outside = declare(reference(HUB, { name: "../../x.safetensors" }));
    expect(outside.fix).toContain("no path");
    const taken = catalogOf([model("loras-new-style", { path: "vae/other.safetensors" })]);
    expect(declare(reference(HUB), {}, taken).model?.name).toBe("loras-new-style-2");
  });

  it("leaves alone what a manifest knows", () => {
    const known = catalogOf([model("mine", { path: "loras/New Style.safetensors" })]);
    expect(declare(reference(HUB), {}, known).model?.name).toBe("mine");
  });
});

const graph = (url: string, value = "new.safetensors", hash?: string) => ({
  version: 0.4,
  links: [],
  nodes: [
    {
      id: 3,
      type: "LoraLoader",
      mode: 0,
      inputs: [],
      outputs: [],
      widgets_values: [value, 1, 1],
      properties: {
        models: [{ name: "new.safetensors", url, directory: "loras", ...(hash && { hash, hash_type: "SHA256" }) }],
      },
    },
  ],
});

describe("a workflow that declares what no manifest knows", () => {
  it("sync takes it with the Hub's own digest; check and require say what to do until then", async () => {
    const { content, figures } = await weights("declared", 200_000);
    await using hub = await startHub({ repos: [{ name: "org/repo", files: { "new.safetensors": content } }] });
    await using box = await makeBox({ HF_ENDPOINT: hub.endpoint });
    const models = box.open();
    const workflows = [graph(HUB.replace("/resolve/", "/blob/"))];
    const before = await models.check({ workflows });
    expect(before.models).toMatchObject([{ name: "loras-new", path: "loras/new.safetensors", status: "missing" }]);
    expect(before.models[0]?.fix).toContain("takes it from hf://org/repo@main/new.safetensors");
    await expect(models.require({ workflows })).rejects.toMatchObject({
      code: "MODELS_MISSING",
      problems: [{ at: "loras-new", fix: expect.stringContaining("run models sync with this workflow") }],
    });
    const [inspected] = (await models.inspect(workflows[0])).references;
    expect(inspected).toMatchObject({ models: [], status: "missing", source: "hf://org/repo@main/new.safetensors" });
    await models.sync({ workflows });
    const after = await models.check({ workflows, isStrict: true });
    expect(after.models).toMatchObject([{ sha256: figures.sha256, size: 200_000, status: "present" }]);
  });

  it("stale metadata, of another name than the widget's, gives nothing", async () => {
    await using box = await makeBox();
    const report = await box.open().check({ workflows: [graph(HUB, "other.safetensors")] });
    expect(report.models).toMatchObject([{ name: "other.safetensors", status: "unknown" }]);
  });

  it("a plain server declares no digest: the declared one is held against what comes, and without it nothing comes", async () => {
    const { content, figures } = await weights("declared", 200_000);
    await using server = await startRangeServer();
    await using box = await makeBox();
    const url = server.put("new.safetensors", content);
    const settings = { workflowHosts: [new URL(url).host] };
    const models = box.open(settings);
    const refused = await models.sync({ workflows: [graph(url)] }).catch((thrown: unknown) => thrown);
    expect(refused).toMatchObject({ code: "DIGEST_UNKNOWN" });
    const lied = graph(url, "new.safetensors", "b".repeat(64));
    await expect(models.sync({ workflows: [lied] })).rejects.toMatchObject({ code: "DIGEST_MISMATCH" });
    await models.sync({ workflows: [graph(url, "new.safetensors", figures.sha256)] });
    expect((await models.check({ workflows: [graph(url)] })).ok).toBe(true);
  });

  it("two workflows that declare one file share it, and one that only names it is served by the other", async () => {
    await using box = await makeBox();
    const plain = { "3": { class_type: "LoraLoader", inputs: { lora_name: "new.safetensors" } } };
    const other = "https://huggingface.co/other/repo/resolve/main/new.safetensors";
    const selected = await box.open().select({ workflows: [graph(HUB), graph(other), plain] });
    expect(selected.models).toHaveLength(1);
    expect(selected.models[0]?.sources).toHaveLength(2);
    expect(selected.unknown).toEqual([]);
    const contradicting = [
      graph(HUB, "new.safetensors", "a".repeat(64)),
      graph(other, "new.safetensors", "b".repeat(64)),
    ];
    await expect(box.open().select({ workflows: contradicting })).rejects.toMatchObject({ code: "TREE_CONFLICT" });
  });
});
