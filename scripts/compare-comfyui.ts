/**
 * Holds the registry against a running ComfyUI: for every class that both know, and for every workflow of a folder.
 *
 *     tsx scripts/compare-comfyui.ts http://127.0.0.1:8188 [FOLDER]
 *
 * A list of files tells its folder only when the folder holds a file that no other has, so give each one such a file.
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { systemClock } from "../src/base/clock.ts";
import { reasonOf } from "../src/base/errors.ts";
import { loadRegistry } from "../src/catalog/registry.ts";
import { askComfyui } from "../src/operations/ask-comfyui.ts";
import { createWorkflowReader } from "../src/workflow/reader.ts";
import type { Reference } from "../src/workflow/reference.ts";

const [, , address, folder] = process.argv;
if (address === undefined) throw new Error("usage: tsx scripts/compare-comfyui.ts ADDRESS [FOLDER]");
const print = (line: string): void => void process.stdout.write(`${line}\n`);

const proxy = { http: null, https: null, none: null };
const server = await askComfyui({ caFile: null, proxy, hosts: [] }, address, systemClock);
const registry = await loadRegistry([new URL("../registry", import.meta.url).pathname]);
const reader = createWorkflowReader({ registry });
const blank = createWorkflowReader({ registry: [] });

const classes = [...new Set(registry.flatMap(({ loaders }) => loaders.map((loader) => loader.class)))];
const shared = classes.filter((name) => server.inputsOf(name) !== null);
const nodes = shared.map((name, index) => [String(index), { class_type: name, inputs: {} }] as const);
const differences = reader.differencesOf(reader.read(Object.fromEntries(nodes), { at: "classes" }), server);
print(
  `${shared.length} of the registry's ${classes.length} classes are on the server; ${differences.length} differences`,
);
for (const { node, says } of differences) print(`  ${node.replace(/^node \d+ /, "")}: ${says}`);

const key = ({ folder: place, name }: Reference): string => `${place}/${name}`;
const sure = ({ how }: Reference): boolean => how === "registry" || how === "server" || how === "declared";

/** What the registry alone and the server alone say that the nodes on the server load. */
function compare(bytes: Uint8Array, at: string): readonly [number, readonly string[]] {
  const workflow = reader.read(bytes, { at });
  const isThere = ({ nodes: places }: Reference): boolean =>
    places.some(({ class: name, input }) =>
      server.inputsOf(name)?.some((list) => list.input === input && list.hasFiles),
    );
  const known = reader.referencesOf(workflow).references.filter((one) => isThere(one) && sure(one));
  const told = blank.referencesOf(workflow, server).references.filter((one) => isThere(one) && sure(one));
  const [left, right] = [new Set(known.map(key)), new Set(told.map(key))];
  const only = (these: Set<string>, those: Set<string>, who: string): readonly string[] =>
    [...these].filter((one) => !those.has(one)).map((one) => `${at}: ${one} by the ${who} alone`);
  return [new Set([...left, ...right]).size, [...only(left, right, "registry"), ...only(right, left, "server")]];
}

if (folder !== undefined) {
  const files = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith(".json")).sort();
  let [read, total] = [0, 0];
  const wrong: string[] = [];
  for (const file of files) {
    try {
      const [count, lines] = compare(await readFile(join(folder, file)), file);
      [read, total] = [read + 1, total + count];
      wrong.push(...lines);
    } catch (error) {
      print(`  not read: ${file}: ${reasonOf(error).slice(0, 100)}`);
    }
  }
  print(
    `${read} workflows: ${total - wrong.length} of ${total} references are the same by the registry and by the server`,
  );
  for (const line of wrong) print(`  ${line}`);
}
