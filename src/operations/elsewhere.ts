/** A tree as ComfyUI searches it: folders that it searches together count as one, and folders outside the tree count too. */
import { basename, dirname, join } from "node:path";
import { folderOfKind, searchedFolders } from "../base/folders.ts";
import { type TreePath, treePathProblem } from "../base/paths.ts";
import type { ExtraFolder } from "../catalog/extra-paths.ts";
import type { CheckOptions, Finding } from "../tree/check.ts";
import type { Wanted } from "../tree/terms.ts";
import type { Tree } from "../tree/tree.ts";

/** A place at which ComfyUI finds a file although it is not in its own. */
interface Place {
  readonly tree: Tree;
  readonly path: TreePath;
}

/**
 * The tree with a check that also accepts a file in `unet/` for one of `diffusion_models/` (`clip/` and
 * `text_encoders/`, `t2i_adapter/` and `controlnet/` likewise), or in a folder of `extra`. Such a finding says `at`.
 * @param openTree opens another folder as a tree, to look into only
 */
export function withElsewhere(tree: Tree, extra: readonly ExtraFolder[], openTree: (root: string) => Tree): Tree {
  const outside = extra.map((one) => ({ ...placeOf(one, openTree), folder: folderOfKind(one.folder) }));
  const placesOf = (path: TreePath): readonly Place[] => {
    const { folder, rest } = splitPath(path);
    const together = searchedFolders([folder]);
    const siblings = together.filter((one) => one !== folder).map((one) => ({ tree, path: joined(one, rest) }));
    const found = outside.filter((one) => together.includes(one.folder) || path.startsWith(`${one.folder}/`));
    return [
      ...siblings,
      ...found.map((one) => {
        const below = path.startsWith(`${one.folder}/`) ? path.slice(one.folder.length + 1) : rest;
        return { tree: one.tree, path: joined(one.prefix, below) };
      }),
    ];
  };
  const look = async (wanted: Wanted, options: CheckOptions = {}): Promise<Finding | null> => {
    for (const place of placesOf(wanted.path)) {
      const found = await lookInto(tree, place, { wanted, options });
      if (found !== null) return found;
    }
    return null;
  };
  return {
    ...tree,
    check: async (wanted, options) => {
      const own = await tree.check(wanted, options);
      return own.status === "missing" ? ((await look(wanted, options)) ?? own) : own;
    },
    linkAliases: async (wanted) => {
      const own = await tree.check(wanted);
      const isElsewhere = own.status === "missing" && (await look(wanted)) !== null;
      return isElsewhere ? [] : await tree.linkAliases(wanted);
    },
  };
}

/** What is there, when it can be the wanted file. What was read before is remembered, as no receipt can lie there. */
async function lookInto(
  tree: Tree,
  { tree: other, path }: Place,
  { wanted, options }: { readonly wanted: Wanted; readonly options: CheckOptions },
): Promise<Finding | null> {
  const found = await other.check({ ...wanted, path, aliases: [] }, options);
  const at = join(other.root, path);
  const here = { ...found, path: wanted.path, at };
  if (found.status === "present") return here;
  if (found.status !== "unverified") return null;
  const remembered = await tree.rememberedDigest(at);
  if (remembered !== null && remembered === wanted.sha256) {
    const { fix: _, ...proven } = here;
    return { ...proven, status: "present" };
  }
  return remembered === null || wanted.sha256 === null ? { ...here, fix: fixBySync(wanted.name) } : null;
}

function fixBySync(name: string): string {
  return `run models sync ${name}, which reads it once`;
}

/** A folder that itself lies in a tree of ours has receipts there, so it is opened from the folder above. */
function placeOf(
  { directory }: ExtraFolder,
  openTree: (root: string) => Tree,
): { readonly tree: Tree; readonly prefix: string } {
  const prefix = basename(directory);
  if (treePathProblem(prefix) !== null) return { tree: openTree(directory), prefix: "" };
  return { tree: openTree(dirname(directory)), prefix };
}

function splitPath(path: TreePath): { readonly folder: string; readonly rest: string } {
  const slash = path.indexOf("/");
  return slash < 0 ? { folder: "", rest: path } : { folder: path.slice(0, slash), rest: path.slice(slash + 1) };
}

function joined(folder: string, rest: string): TreePath {
  return (folder === "" ? rest : `${folder}/${rest}`) as TreePath;
}
