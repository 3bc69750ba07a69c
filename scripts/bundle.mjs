/**
 * Joins the modules of the command line and of its threads: to find, read and link them one by one takes half of the time
 * of a short command (measured). Packages stay where npm puts them.
 */
import { isAbsolute, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

const home = fileURLToPath(new URL("..", import.meta.url));
const dist = `${home}dist/`;
const ENTRIES = {
  models: "cli/main.js",
  "lane-worker": "net/lane-worker.js",
  "place-worker": "operations/place-worker.js",
};

/** A module goes on knowing where it was, for what it looks for lies beside it; a thread is started joined, too. */
const places = {
  name: "places",
  transform: (code, id) => {
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
    external: (id) => !id.startsWith(".") && !isAbsolute(id),
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
}
