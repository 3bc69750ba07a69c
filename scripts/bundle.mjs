/**
 * Joins the modules of the command line and of its threads: to find, read, compile and link them one by one takes two
 * thirds of the time of a short command (measured). Packages stay where npm puts them, but for a few small ones that
 * every command needs.
 */
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { isAbsolute, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

const home = fileURLToPath(new URL("..", import.meta.url));
const dist = `${home}dist/`;
const ENTRIES = {
  models: "cli/main.js",
  "lane-worker": "net/lane-worker.js",
  "place-worker": "operations/place-worker.js",
  "digest-worker": "digest/digest-worker.js",
  "part-worker": "digest/part-worker.js",
};

/** Of several files each, or ES modules, whose loader takes 20 ms to begin. What they import comes along. */
const JOINED = ["commander", "fastest-levenshtein", "log-update", "p-queue"];
const PACKAGES = `${sep}node_modules${sep}`;

/** Every file of a package that was joined. */
const foreign = new Set();

/** commander could start other programs; nothing here does, and Node takes 5 ms to load what it takes (measured). */
const STARTS_PROGRAMS = "const childProcess = require('node:child_process');";

/** A module goes on knowing where it was, for what it looks for lies beside it; a thread is started joined, too. */
const places = {
  name: "places",
  transform: (code, id) => {
    if (id.includes(PACKAGES)) {
      foreign.add(id);
      return id.endsWith(join("commander", "lib", "command.js")) ? withoutPrograms(code) : null;
    }
    const way = relative(`${dist}bin`, id).split(sep).join("/");
    const place = `new URL(${JSON.stringify(way)}, import.meta.url).href`;
    return {
      code: code.replace(/("\.\/([\w-]+)\.js", )?import\.meta\.url/g, (_, thread = "", name) =>
        name in ENTRIES ? `"./${name}.cjs", import.meta.url` : thread + place,
      ),
    };
  },
};

function withoutPrograms(code) {
  if (!code.includes(STARTS_PROGRAMS)) throw new Error(`commander does not say any more: ${STARTS_PROGRAMS}`);
  return code.replace(STARTS_PROGRAMS, "const childProcess = undefined;");
}

/** Joins what `tsc` has built. */
export async function bundle() {
  const joined = await rolldown({
    cwd: home,
    input: Object.fromEntries(Object.entries(ENTRIES).map(([name, file]) => [name, dist + file])),
    platform: "node",
    external: (id, importer) =>
      !id.startsWith(".") && !isAbsolute(id) && !JOINED.includes(id) && !importer?.includes(PACKAGES),
    plugins: [places],
    // It only says where a dynamic import brings nothing because others need the module, too.
    logLevel: "silent",
  });
  const { output } = await joined.generate({
    format: "cjs",
    entryFileNames: "[name].cjs",
    chunkFileNames: "[name].cjs",
    comments: false,
    // A script that V8 has compiled before does not know any more how to import (Node 20).
    dynamicImportInCjs: false,
  });
  await joined.close();
  const bin = `${dist}bin/`;
  mkdirSync(bin, { recursive: true });
  writeFileSync(`${bin}licenses.txt`, licensesOf([...foreign]));
  copyFileSync(`${home}scripts/load-joined.cjs`, `${bin}load-joined.cjs`);
  writeFileSync(`${bin}joined.js`, asOneScript(output));
  for (const name of Object.keys(ENTRIES)) writeFileSync(`${bin}${name}.cjs`, entryText(name));
}

function entryText(name) {
  if (name !== "models") return `require("./load-joined.cjs").runThread("${name}.cjs");\n`;
  return `#!/usr/bin/env node\nrequire("./load-joined.cjs").runCommand("models.cjs", process.argv[2]);\n`;
}

/** A line that names the text, then one expression: each module's file with the function that runs it. */
function asOneScript(modules) {
  const functions = modules.map(({ fileName, code }) => {
    const body = asAscii(code.replace(/^#!.*/, ""), fileName);
    return `"${fileName}": function (exports, require, module, __filename, __dirname) {\n${body}\n}`;
  });
  const expression = `({\n${functions.join(",\n")}\n})\n`;
  return `// ${createHash("sha256").update(expression).digest("hex")}\n${expression}`;
}

/** V8 reads ASCII at once, and takes 7 ms to decode anything else (measured). */
function asAscii(code, name) {
  if (/String\.raw`[^`]*[^\0-\x7f]/.test(code)) throw new Error(`${name} has a raw text that is not ASCII`);
  return code.replace(/[^\0-\x7f]/g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** The licences of the packages that files are of, as each of them asks for. */
function licensesOf(files) {
  const folders = new Set(files.map((file) => /^.*[\\/]node_modules[\\/](?:@[^\\/]+[\\/])?[^\\/]+/.exec(file)[0]));
  return [...folders].sort().map(licenseOf).join("\n");
}

function licenseOf(folder) {
  const { name, version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const file = readdirSync(folder).find((one) => /^licen[cs]e/i.test(one));
  if (file === undefined) throw new Error(`${name} brings no licence, so it cannot be joined`);
  return `${name} ${version}\n\n${readFileSync(join(folder, file), "utf8")}`;
}
