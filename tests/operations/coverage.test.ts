/** coverEndpoints(): what a service lacks as a whole, and what each endpoint needs beyond the others. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Box, bytesOf, makeBox, weights } from "./box.ts";

const graph = (name: string) => JSON.stringify({ "1": { class_type: "LoraLoader", inputs: { lora_name: name } } });

/** A box with three models, of which the shared one is here. */
async function makeService(endpoints: string): Promise<Box> {
  const box = await makeBox();
  const sizes = { shared: 300_000, one: 100_000, two: 200_000 };
  const known = await Promise.all(
    Object.entries(sizes).map(async ([name, size]) => ({ name, ...(await weights(name, size)) })),
  );
  await box.catalogue([
    ...known.map(({ name, figures }) => ({ name, ...figures, sources: [`hf://o/r/${name}.safetensors`] })),
    { name: "sizeless", sources: ["hf://o/r/sizeless.safetensors"] },
  ]);
  const [shared] = known;
  if (shared !== undefined) await box.write("loras/shared.safetensors", await bytesOf(shared.content));
  await mkdir(join(box.folder, "service/workflows"), { recursive: true });
  await writeFile(join(box.folder, "service/workflows/one.json"), graph("one.safetensors"));
  await writeFile(join(box.folder, "service/endpoints.yaml"), `version: 1\nendpoints:\n${endpoints}`);
  return box;
}

const FILE = "service/endpoints.yaml";

describe("coverEndpoints()", () => {
  it("counts what each endpoint and group needs beyond the others, and what is lacking", async () => {
    await using box = await makeService(`
  - { name: first, group: images, models: [shared, one] }
  - { name: second, group: images, models: [shared, two] }
  - { name: third, group: video, models: [shared] }
`);
    const report = await box.open().coverage(FILE);
    expect(report).toMatchObject({
      ok: false,
      ready: 1,
      files: 3,
      bytes: 600_000,
      lackingBytes: 300_000,
      unknownSizes: 0,
    });
    const rows = report.endpoints.map(({ name, isReady, bytes, ownBytes, lackingBytes }) => [
      name,
      isReady,
      bytes,
      ownBytes,
      lackingBytes,
    ]);
    expect(rows).toEqual([
      ["first", false, 400_000, 100_000, 100_000],
      ["second", false, 500_000, 200_000, 200_000],
      ["third", true, 300_000, 0, 0],
    ]);
    expect(report.groups).toMatchObject([
      { name: "images", endpoints: 2, ready: 0, bytes: 600_000, ownBytes: 300_000 },
      { name: "video", endpoints: 1, ready: 1, bytes: 300_000, ownBytes: 0 },
    ]);
    expect(report.endpoints[0]?.lacks).toMatchObject([{ name: "one", status: "missing", fix: "run models sync one" }]);
  });

  it("reads workflows beside the file, with values set in them, and kits in their variant", async () => {
    await using box = await makeService(`
  - { name: as-is, workflow: workflows/one.json }
  - { name: set, workflow: workflows/one.json, set: { 1.lora_name: shared.safetensors } }
  - { name: kit, kit: all }
`);
    const report = await box.open().coverage(FILE);
    expect(report.endpoints.map(({ name, isReady, files }) => [name, isReady, files])).toEqual([
      ["as-is", false, 1],
      ["set", true, 1],
      ["kit", false, 4],
    ]);
    expect(report.endpoints[2]).toMatchObject({ unknownSizes: 1 });
  });

  it("an endpoint that cannot be read is told and does not stop the others", async () => {
    await using box = await makeService(`
  - { name: gone, workflow: workflows/absent.json }
  - { name: typo, kit: al }
  - { name: fine, models: [shared] }
`);
    const report = await box.open().coverage(FILE);
    expect(report.endpoints.map(({ isReady, problem }) => [isReady, problem?.code])).toEqual([
      [false, "WORKFLOW_INVALID"],
      [false, "KIT_UNKNOWN"],
      [true, undefined],
    ]);
  });

  it("a file that is wrong gets every problem with its place", async () => {
    await using box = await makeService(`
  - { name: one, models: [shared] }
  - { name: one, kit: all }
  - { name: nothing, group: video }
`);
    const error = await box
      .open()
      .coverage(FILE)
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "CONFIG_INVALID" });
    expect(String(error)).toContain('endpoints.yaml:5:13: the endpoint "one" is there already');
    expect(String(error)).toContain('endpoints.yaml:6:5: "nothing" says nothing of what it needs');
    await expect(box.open().coverage("absent.yaml")).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  });
});
