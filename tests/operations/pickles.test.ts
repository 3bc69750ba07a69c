/** Formats that can run code: refused until a manifest names them with a digest and a person allows them. */
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { mayBePickle, pickleRefusal } from "../../src/operations/pickles.ts";
import { startRangeServer } from "../origins/index.ts";
import { sha256Of } from "../trust/signing.ts";
import { type Box, makeBox } from "./box.ts";
import { model, sha } from "./catalog.ts";

const PICKLE = Buffer.concat([Buffer.from([0x80, 2]), Buffer.alloc(5000, 7)]);
const FIGURES = { size: PICKLE.length, sha256: sha256Of(PICKLE) };

describe("pickleRefusal()", () => {
  it("asks for two things: a digest in a manifest, and leave from a person", () => {
    const pinned = model("a", { path: "upscale_models/a.pth", sha256: sha("a") });
    const loose = model("a", { path: "upscale_models/a.pth" });
    expect(pickleRefusal(pinned, true)).toBeNull();
    expect(pickleRefusal(pinned, ["b", "a"])).toBeNull();
    expect(pickleRefusal(pinned, false)?.fix).toMatch(/^give --allow-pickle, or allowPickle: in the config/);
    expect(pickleRefusal(pinned, ["b"])?.code).toBe("PICKLE_REFUSED");
    expect(pickleRefusal(loose, true)?.fix).toMatch(/^write its sha256 into a manifest; or/);
    expect(pickleRefusal(loose, false)?.fix).toMatch(/^write its sha256 into a manifest and give --allow-pickle/);
    expect(mayBePickle(loose, true)).toBe(false);
  });

  it("goes by the name's ending, in any case, and leaves other formats alone", () => {
    const refused = (path: string): boolean => pickleRefusal(model("a", { path }), false) !== null;
    expect(["a.ckpt", "a.PT", "x/a.pth", "a.bin", "a.pkl", "a.pickle", "a.t7"].map(refused)).not.toContain(false);
    expect(["a.safetensors", "a.gguf", "a.onnx", "a.json", "pth/a", "a.pth.safetensors"].map(refused)).not.toContain(
      true,
    );
  });
});

describe("sync() and lock()", () => {
  async function boxWith(
    entry: object,
    path = "upscale_models/a.pth",
  ): Promise<{ box: Box; requests: () => number } & AsyncDisposable> {
    const server = await startRangeServer({ "/a": PICKLE });
    const box = await makeBox();
    await box.catalogue([{ name: "a", path, sources: [`${server.url}/a`], ...entry }]);
    return {
      box,
      requests: () => server.requests.length,
      [Symbol.asyncDispose]: async () => {
        await server[Symbol.asyncDispose]();
        await box[Symbol.asyncDispose]();
      },
    };
  }

  it("refuse a pickle before anybody is asked, also in a dry run, and leave nothing behind", async () => {
    await using made = await boxWith(FIGURES);
    for (const isDryRun of [false, true]) {
      const { error } = await made.box.sync({ isDryRun });
      expect(error).toMatchObject({ code: "PICKLE_REFUSED", fix: expect.stringContaining("--allow-pickle") });
    }
    await expect(made.box.open().lock({ kits: ["all"] })).rejects.toMatchObject({ code: "PICKLE_REFUSED" });
    expect(made.requests()).toBe(0);
    await expect(readdir(join(made.box.root, "upscale_models"))).rejects.toMatchObject({ code: "ENOENT" });
  });

  it("take it with a digest and leave, from the option or from the config", async () => {
    await using made = await boxWith(FIGURES);
    expect((await made.box.sync({ allowPickle: true })).error).toBeNull();
    expect((await made.box.read("upscale_models/a.pth")).equals(PICKLE)).toBe(true);
    // What is on the box and proven is not brought: nothing to refuse.
    expect((await made.box.sync()).error).toBeNull();
    await using listed = await boxWith(FIGURES);
    await writeFile(join(listed.box.folder, "models.config.yaml"), "allowPickle: [a]\n");
    expect((await listed.box.sync()).error).toBeNull();
    await using other = await boxWith(FIGURES);
    await writeFile(join(other.box.folder, "models.config.yaml"), "allowPickle: [b]\n");
    expect((await other.box.sync()).error).toMatchObject({ code: "PICKLE_REFUSED" });
  });

  it("refuse it without a digest in the manifest, whatever is allowed and whatever a mirror declares", async () => {
    await using made = await boxWith({ size: PICKLE.length });
    const { error } = await made.box.sync({ allowPickle: true, trustFirstUse: true });
    expect(error).toMatchObject({
      code: "PICKLE_REFUSED",
      message: expect.stringContaining("no manifest names its sha256"),
    });
    expect(made.requests()).toBe(0);
  });

  it("know a pickle by its first bytes, too, under a name that says nothing", async () => {
    await using made = await boxWith(FIGURES, "other/a.dat");
    const { error } = await made.box.sync();
    expect(error).toMatchObject({ code: "PICKLE_REFUSED", fix: expect.stringContaining("give --allow-pickle") });
    expect((await made.box.sync({ allowPickle: true })).error).toBeNull();
    await using loose = await boxWith({}, "other/a.dat");
    const refused = await loose.box.sync({ allowPickle: true, trustFirstUse: true });
    expect(refused.error).toMatchObject({ fix: expect.stringContaining("write its sha256 into a manifest") });
  });

  it("never take one under a safetensors name", async () => {
    await using made = await boxWith(FIGURES, "loras/a.safetensors");
    const { error } = await made.box.sync({ allowPickle: true });
    expect(error).toMatchObject({ code: "NOT_WEIGHTS" });
  });

  it("do not bring one from another folder of this box either", async () => {
    await using made = await boxWith(FIGURES);
    const old = join(made.box.folder, "old");
    await mkdir(old);
    await writeFile(join(old, "a.pth"), PICKLE);
    expect((await made.box.sync({ adopt: [old] })).error).toMatchObject({ code: "PICKLE_REFUSED" });
    expect((await made.box.sync({ adopt: [old], allowPickle: true })).summary).toMatchObject({ fetchedBytes: 0 });
  });
});
