/** Reads the catalogue that the package brings, so that no command has to understand a hundred texts before it begins. */
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const dist = new URL("../dist/", import.meta.url);

/** Writes down what `manifests/` and `kits/` hold, with what `tsc` has built. @throws when something in them is wrong */
export async function prepareCatalog() {
  const [{ loadCatalog }, { formatPrepared }, { BUILT_IN, PREPARED_CATALOG }] = await Promise.all(
    ["catalog/load.js", "catalog/prepared.js", "settings.js"].map((file) => import(fileURLToPath(new URL(file, dist)))),
  );
  const catalog = await loadCatalog({ manifests: [BUILT_IN.manifests], kits: [BUILT_IN.kits] }, {});
  writeFileSync(PREPARED_CATALOG, formatPrepared(catalog, BUILT_IN));
}
