/** Entries for sources: figures from who declares them, places from headers, nothing asked. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Content, startCivitai, startHub, startRangeServer } from "../origins/index.ts";
import { makeBox, weights } from "./box.ts";

const MB = 1024 * 1024;
const COMMIT = "0123456789abcdef0123456789abcdef01234567";

async function added(box: Awaited<ReturnType<typeof makeBox>>, file = "manifests/added.yaml"): Promise<string> {
  return await readFile(join(box.folder, file), "utf8");
}

describe("add()", () => {
  it("pins a file of the Hub to its commit, with the figures that the Hub declares, without reading it", async () => {
    const { content, figures } = await weights("add hub", 8 * MB);
    const repo = {
      name: "org/repo",
      commit: COMMIT,
      isGated: true,
      granted: ["hf_good"],
      files: { "split/vae/ae.safetensors": content },
    };
    await using hub = await startHub({ repos: [repo] });
    await using box = await makeBox({ HF_ENDPOINT: hub.endpoint, HF_TOKEN: "hf_good" });
    const report = await box
      .open()
      .add("hf://org/repo@main/split/vae/ae.safetensors")
      .catch((error) => error);
    if (report instanceof Error) throw report;
    const source = `hf://org/repo@${COMMIT}/split/vae/ae.safetensors`;
    expect(report).toMatchObject({
      name: "ae",
      ...figures,
      source,
      isNew: true,
      gated: true,
      isTrustedOnFirstUse: false,
    });
    expect(await added(box)).toContain(`- ${source}`);
    expect(await added(box)).toContain("gated: true");
    expect(hub.cdn.bytesSent()).toBeLessThan(MB);
    expect(hub.leaks()).toEqual([]);
  });

  it("reads Civitai's own words: name, digest, kind", async () => {
    const { content, figures } = await weights("add civitai", MB);
    await using civitai = await startCivitai({
      versions: [{ id: 128713, files: [{ name: "style.safetensors", content }] }],
    });
    await using box = await makeBox({ CIVITAI_ENDPOINT: civitai.endpoint });
    const report = await box.open().add("https://civitai.com/models/1?modelVersionId=128713");
    expect(report).toMatchObject({ name: "style", source: "civitai://128713", ...figures });
  });

  it("tells a LoRA by its header, under a name that says nothing", async () => {
    const content = loraOf(40_000);
    await using hub = await startHub({ repos: [{ name: "org/repo", files: { "model.safetensors": content } }] });
    await using box = await makeBox({ HF_ENDPOINT: hub.endpoint });
    const report = await box.open().add("hf://org/repo@main/model.safetensors", { name: "my-style", isDryRun: true });
    expect(report).toMatchObject({ name: "my-style", path: "loras/model.safetensors" });
    await expect(added(box)).rejects.toMatchObject({ code: "ENOENT" });
  });

  it("wants --trust-first-use where nobody declares the digest, and then reads the file", async () => {
    const { content, figures } = await weights("add web", 40 * MB);
    await using server = await startRangeServer({ "/loras/web.safetensors": content });
    await using box = await makeBox();
    const uri = `${server.url}/loras/web.safetensors`;
    await expect(box.open().add(uri)).rejects.toMatchObject({
      code: "DIGEST_UNKNOWN",
      fix: expect.stringContaining("--trust-first-use"),
    });
    const report = await box.open({ trustFirstUse: true }).add(uri, { to: "mine.yaml", path: "loras/web.safetensors" });
    expect(report).toMatchObject({ ...figures, isTrustedOnFirstUse: true });
    expect(await added(box, "mine.yaml")).toContain(`sha256: ${figures.sha256}`);
  });

  it("adds a source to the entry of the same digest", async () => {
    const { content, figures } = await weights("add same", MB);
    await using hub = await startHub({ repos: [{ name: "org/repo", files: { "other.safetensors": content } }] });
    await using box = await makeBox({ HF_ENDPOINT: hub.endpoint });
    await box.catalogue([{ name: "known", ...figures, sources: ["https://x.example/known.safetensors"] }]);
    const report = await box.open().add("hf://org/repo@main/other.safetensors");
    expect(report).toMatchObject({ name: "known", isNew: false, manifest: join(box.folder, "manifests/box.json") });
    const { models } = JSON.parse(await added(box, "manifests/box.json"));
    expect(models[0].sources).toHaveLength(2);
  });

  it("refuses a name or a place that is taken by other bytes, a source that is none, and an address with a secret", async () => {
    const { content } = await weights("add taken", MB);
    const { figures } = await weights("add taker", MB);
    await using hub = await startHub({ repos: [{ name: "org/repo", files: { "taken.safetensors": content } }] });
    await using box = await makeBox({ HF_ENDPOINT: hub.endpoint });
    await box.catalogue([{ name: "taken", ...figures, sources: [] }]);
    const uri = "hf://org/repo@main/taken.safetensors";
    await expect(box.open().add(uri)).rejects.toMatchObject({ code: "USAGE", fix: expect.stringContaining("--name") });
    const taken = { name: "free", path: "loras/taken.safetensors" };
    await expect(box.open().add(uri, taken)).rejects.toMatchObject({
      code: "USAGE",
      fix: expect.stringContaining("--path"),
    });
    await expect(box.open().add("hf://org/repo@main/nope.safetensors")).rejects.toMatchObject({
      code: "SOURCE_NOT_FOUND",
    });
    await expect(box.open().add("gopher://x")).rejects.toMatchObject({ code: "SOURCE_INVALID" });
    const secret = "https://x.example/a.safetensors?token=abc";
    await expect(box.open().add(secret)).rejects.toMatchObject({
      code: "USAGE",
      message: expect.not.stringContaining("abc"),
    });
  });
});

/** A file whose header has a LoRA's tensors. */
function loraOf(data: number): Content {
  const header = Buffer.from(
    JSON.stringify({
      "transformer.blocks.0.attn.to_q.lora_A.weight": { dtype: "U8", shape: [data], data_offsets: [0, data] },
    }),
  );
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, header, Buffer.alloc(data, 3)]);
}
