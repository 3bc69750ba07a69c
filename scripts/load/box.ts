/** A catalogue of as many models as one likes, with or without a server that has them. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface LoadBox extends AsyncDisposable {
  readonly folder: string;
}

export interface LoadModel {
  readonly name: string;
  readonly size: number;
  readonly sha256: string;
  readonly source: string;
}

/** A folder with a manifest, a kit `all` of all its models, and a config that names both. */
export async function makeLoadBox(models: Iterable<LoadModel>): Promise<LoadBox> {
  const folder = await mkdtemp(join(tmpdir(), "modelferry-load-"));
  const entries: string[] = [];
  const names: string[] = [];
  for (const { name, size, sha256, source } of models) {
    const path = `loras/group-${names.length % 100}/${name}.safetensors`;
    entries.push(`  - name: ${name}\n    path: ${path}\n    size: ${size}\n    sha256: ${sha256}\n`);
    entries.push(`    license: apache-2.0\n    sources:\n      - ${source}\n`);
    names.push(`  - ${name}\n`);
  }
  await mkdir(join(folder, "models"));
  await writeFile(join(folder, "all.yaml"), `version: 1\nmodels:\n${entries.join("")}`);
  await writeFile(join(folder, "kit.yaml"), `version: 1\nname: all\nmodels:\n${names.join("")}`);
  const config = "version: 1\nroot: models\nmanifests: [all.yaml]\nkits: [kit.yaml]\nlimits: { reserve: 0 }\n";
  await writeFile(join(folder, "models.config.yaml"), config);
  return { folder, [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) };
}
