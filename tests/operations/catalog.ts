/** Catalogues for tests, from as little as matters. */
import { parseSha256, type Sha256 } from "../../src/base/artifact.ts";
import { parseTreePath } from "../../src/base/paths.ts";
import type { Catalog, Kit, Model } from "../../src/catalog/model.ts";

/** The digest made of one digit. */
export const sha = (digit: string): Sha256 => parseSha256(digit.repeat(64));

interface Given extends Partial<Omit<Model, "path" | "aliases">> {
  readonly path?: string;
  readonly aliases?: readonly string[];
}

/** A model of this name, in `loras/` unless told otherwise. */
export function model(name: string, given: Given = {}): Model {
  const { path = `loras/${name}.safetensors`, aliases = [], ...rest } = given;
  return {
    name,
    size: 1000,
    sha256: null,
    digestFrom: null,
    license: null,
    gated: false,
    sources: [`https://origin.example/${name}`],
    pieces: null,
    at: `box.yaml:1:1`,
    ...rest,
    path: parseTreePath(path),
    aliases: aliases.map(parseTreePath),
  };
}

/** A catalogue of these models, with kits by the names of their models. */
export function catalogOf(models: readonly Model[], kits: Readonly<Record<string, readonly string[]>> = {}): Catalog {
  const made = Object.entries(kits).map(
    ([name, names]): Kit => ({ name, description: name, includes: [], models: names, at: `${name}.yaml:1:1` }),
  );
  return {
    models: new Map(models.map((one) => [one.name, one])),
    kits: new Map(made.map((one) => [one.name, one])),
  };
}
