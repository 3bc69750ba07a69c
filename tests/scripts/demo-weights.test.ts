/** The demo's kit is pinned by a shipped manifest, so it must describe exactly what the demo serves. */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { DEMO_BUCKET, DEMO_COMMIT, DEMO_REPO, demoModels } from "../../scripts/demo-weights.ts";
import { loadCatalog } from "../../src/catalog/load.ts";
import type { Catalog } from "../../src/catalog/model.ts";
import { modelsOfKit } from "../../src/catalog/select.ts";

const shipped = (place: string): string => fileURLToPath(new URL(`../../${place}`, import.meta.url));
let catalog: Catalog;

beforeAll(async () => {
  const places = { manifests: [shipped("manifests/demo.yaml")], kits: [shipped("kits/demo.yaml")] };
  catalog = await loadCatalog(places, { fetchText: (url) => Promise.reject(new Error(`asked for ${url}`)) });
});

describe("demoModels()", () => {
  it("are the kit demo: same names, places, sizes, digests and sources", async () => {
    const served = demoModels().map(async ({ name, path, file, weights }) => ({
      name,
      path,
      size: weights.size,
      sha256: await weights.sha256(),
      sources: [`hf://${DEMO_REPO}@${DEMO_COMMIT}/${file}`, `r2://${DEMO_BUCKET}/${path}`],
    }));
    expect(modelsOfKit(catalog, "demo")).toMatchObject(await Promise.all(served));
  });

  it("lie where no model of another manifest belongs", async () => {
    const places = { manifests: [shipped("manifests")], kits: [shipped("kits")] };
    const whole = await loadCatalog(places, { fetchText: (url) => Promise.reject(new Error(`asked for ${url}`)) });
    const paths = [...whole.models.values()].flatMap(({ path, aliases }) => [path, ...aliases]);
    for (const { path } of demoModels()) expect(paths.filter((known) => known === path)).toHaveLength(1);
  });

  it("say in the kit's description that they are for the demo only", async () => {
    expect(catalog.kits.get("demo")?.description).toContain("for the demo only");
    expect(await readFile(shipped("manifests/demo.yaml"), "utf8")).toContain("`npm run demo` alone");
  });
});
