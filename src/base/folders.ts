/** Which folders of the tree ComfyUI searches together, and under which older names it knows them. */

/**
 * Every folder that is searched for a name, the one that new files go to first.
 * The legacy names and second places of ComfyUI's `folder_paths.py`.
 */
const SEARCHED_TOGETHER: readonly (readonly string[])[] = [
  ["diffusion_models", "unet"],
  ["text_encoders", "clip"],
  ["controlnet", "t2i_adapter"],
];

const groupOf = new Map(SEARCHED_TOGETHER.flatMap((group) => group.map((folder) => [folder, group] as const)));

/** Kinds whose name is not the path of their folder below the models folder. */
const FOLDER_OF_KIND: ReadonlyMap<string, string> = new Map(
  Object.entries({
    clip_gguf: "text_encoders",
    cogvideox_loras: "CogVideo/loras",
    mmdets_bbox: "mmdets/bbox",
    mmdets_segm: "mmdets/segm",
    model_gguf: "diffusion_models",
    seedvr2: "SEEDVR2",
    ultralytics_bbox: "ultralytics/bbox",
    ultralytics_segm: "ultralytics/segm",
    unet_gguf: "diffusion_models",
    vae_gguf: "vae",
    xlabs_controlnets: "xlabs/controlnets",
    xlabs_ipadapters: "xlabs/ipadapters",
    xlabs_loras: "xlabs/loras",
  }),
);

/** The folder of the tree for a name by which ComfyUI or a custom node registers a kind of files. */
export function folderOfKind(kind: string): string {
  return presentFolder(FOLDER_OF_KIND.get(kind) ?? kind);
}

/** The folder's present name: `unet` is `diffusion_models`, also as the first part of a longer path. */
export function presentFolder(folder: string): string {
  const [first = "", ...rest] = folder.split("/");
  return [groupOf.get(first)?.[0] ?? first, ...rest].join("/");
}

/** `folders` by their present names, each followed by the places that are searched with it. */
export function searchedFolders(folders: readonly string[]): readonly string[] {
  const present = [...new Set(folders.map(presentFolder))];
  return [...new Set([...present, ...present.flatMap((folder) => groupOf.get(folder) ?? [])])];
}
