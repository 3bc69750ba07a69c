/**
 * Joins the modules of the command line and of its threads: to find, read and link them one by one takes half of the time
 * of a short command (measured). Packages stay where npm puts them, but for a few small ones that every command needs.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
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

/** A module goes on knowing where it was, for what it looks for lies beside it; a thread is started joined, too. */
const places = {
  name: "places",
  transform: (code, id) => {
    if (id.includes(PACKAGES)) {
      foreign.add(id);
      return null;
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
  await joined.write({
    dir: `${dist}bin`,
    // Node finds and links CommonJS in a third of the time of ES modules.
    format: "cjs",
    entryFileNames: "[name].cjs",
    chunkFileNames: "[name].cjs",
  });
  await joined.close();
  writeFileSync(`${dist}bin/licenses.txt`, licensesOf([...foreign]));
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
