/** What a workflow's author declares about a file that no manifest knows becomes a model, or is refused with a reason. Pure. */
import { extname } from "node:path";
import { isLoopback } from "../base/access.ts";
import { isModelsError } from "../base/errors.ts";
import { isPickleName } from "../base/formats/sniff.ts";
import { collisionKey, type TreePath } from "../base/paths.ts";
import type { Catalog, Model } from "../catalog/model.ts";
import { formatSource, parseSource } from "../sources/uri.ts";
import type { Reference } from "../workflow/reference.ts";
import { type Match, placesOf, type UnknownReference } from "./match-references.ts";

/** How far the author of a workflow is believed. */
export interface DeclaredPolicy {
  /** Hosts that may be asked, with a port where it is not the scheme's own. */
  readonly hosts: readonly string[];
  /** Whether files that can run code when they are loaded are fine. */
  readonly allowPickle: boolean;
  /** Whether only what was signed is believed: then no author is. */
  readonly isSigned: boolean;
}

/** Formats that hold numbers and nothing that runs. */
const SAFE_ENDINGS: ReadonlySet<string> = new Set([".safetensors", ".sft", ".gguf"]);

/** `matches` with a model in place of what nobody knew, wherever its author may be believed. */
export function withDeclared(matches: readonly Match[], catalog: Catalog, policy: DeclaredPolicy): readonly Match[] {
  const names = new Map<string, TreePath>();
  return matches.map((match) => {
    const { reference, unknown } = match;
    if (unknown === null || reference.declared === undefined) return match;
    const read = readDeclared(reference, reference.declared, policy);
    if ("refusal" in read) return { ...match, unknown: { ...unknown, fix: fixOf(read.refusal, unknown) } };
    const model = { ...read.model, name: nameOf(read.model.path, catalog, names) };
    return { reference, models: [model], view: null, unknown: null, isDeclared: true };
  });
}

type Declared = NonNullable<Reference["declared"]>;
type Read = { readonly model: Omit<Model, "name"> } | { readonly refusal: string };

function readDeclared(reference: Reference, { url, sha256 }: Declared, policy: DeclaredPolicy): Read {
  const source = sourceOf(url, policy);
  if ("refusal" in source) return source;
  const path = placeOf(reference, url);
  if (path === null) return { refusal: "its name is no path that a file could have" };
  if (isPickleName(path)) {
    const both = "write an entry with its sha256 into a manifest, and give --allow-pickle";
    return { refusal: `a ${extname(path)} file can run code when it is loaded: if you trust it, ${both}` };
  }
  if (!policy.allowPickle && !SAFE_ENDINGS.has(extname(path).toLowerCase())) {
    return { refusal: `a ${extname(path)} file can run code when it is loaded: if you trust it, give --allow-pickle` };
  }
  if (policy.isSigned) return { refusal: "only what was signed is believed here: write an entry for it and sign it" };
  return {
    model: {
      path,
      aliases: [],
      size: null,
      sha256,
      digestFrom: sha256 === null ? null : "the workflow",
      license: null,
      gated: false,
      sources: [source.uri],
      pieces: null,
      at: reference.nodes.map(({ id, class: type }) => `node ${id} (${type})`).join(", "),
    },
  };
}

/** The one spelling of a declared address, or why it is not asked. */
function sourceOf(address: string, { hosts }: DeclaredPolicy): { readonly uri: string } | { readonly refusal: string } {
  if (!URL.canParse(address)) return { refusal: "its declared source is no address" };
  const url = new URL(address);
  if (url.protocol !== "https:" && !(url.protocol === "http:" && isLoopback(url.hostname))) {
    return { refusal: `its declared source is ${url.protocol}//, expected https` };
  }
  if (!hosts.includes(url.host)) {
    return { refusal: `if you trust ${url.host}, from where the workflow has it, give --allow-host ${url.host}` };
  }
  try {
    return { uri: formatSource(parseSource(civitaiSource(url) ?? fileAddress(url))) };
  } catch (error) {
    if (isModelsError(error, "SOURCE_INVALID")) return { refusal: "its declared source cannot be used" };
    throw error;
  }
}

/** Civitai's download address with what chooses the file; a token that an author left in it is not ours to use. */
function civitaiSource(url: URL): string | null {
  const version = /^\/api\/download\/models\/(\d+)$/.exec(url.pathname)?.[1];
  if (url.host !== "civitai.com" || version === undefined) return null;
  const choice = [...url.searchParams].filter(([name]) => ["type", "format", "size", "fp", "fileId"].includes(name));
  return `civitai://${version}?${new URLSearchParams(choice)}`;
}

/** GitHub shows a page about a file at `/blob/` and gives the file at `/raw/`; the Hub's pages are known to its source. */
function fileAddress(url: URL): string {
  if (url.host !== "github.com") return url.href;
  return url.href.replace(/^(https:\/\/github\.com\/[^/]+\/[^/]+)\/(?:blob|resolve)\//, "$1/raw/");
}

/** Where the node looks first; of names without an ending the one with the address's. */
function placeOf(reference: Reference, url: string): TreePath | null {
  const places = placesOf(reference);
  if (reference.isFolder === true) return null;
  if (reference.endings === undefined) return places[0] ?? null;
  return places.find((place) => extname(place) === extname(new URL(url).pathname)) ?? null;
}

/** A name that says where the file belongs: `loras-my-style`; numbered when another path has it already. */
function nameOf(path: TreePath, catalog: Catalog, names: Map<string, TreePath>): string {
  const plain = path
    .slice(0, path.length - extname(path).length)
    .toLowerCase()
    .replace(/[^a-z0-9.]+/g, "-")
    .replace(/^[-.]+|[-.]+$/g, "")
    .slice(0, 150);
  for (let number = 1; ; number += 1) {
    const name = `${plain || "model"}${number === 1 ? "" : `-${number}`}`;
    const holder = names.get(name);
    if (catalog.models.has(name) || (holder !== undefined && collisionKey(holder) !== collisionKey(path))) continue;
    names.set(name, path);
    return name;
  }
}

function fixOf(refusal: string, { fix }: UnknownReference): string {
  return `${refusal}; or ${fix}`;
}
