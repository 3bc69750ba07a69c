/** Makes a bare clone ready with nothing but Node and npm: installs when packages are missing or stale, and builds. */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const home = fileURLToPath(new URL("..", import.meta.url));
const at = (...parts) => join(home, ...parts);

function run(command, args) {
  const { status } = spawnSync(command, args, {
    cwd: home,
    stdio: ["ignore", 2, 2],
    shell: process.platform === "win32",
  });
  if (status !== 0) process.exit(status ?? 1);
}

function newest(folder) {
  let latest = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    if (entry.isFile()) latest = Math.max(latest, statSync(join(entry.parentPath ?? entry.path, entry.name)).mtimeMs);
  }
  return latest;
}

function isOlder(file, than) {
  return !existsSync(file) || statSync(file).mtimeMs < than;
}

const installed = at("node_modules", ".package-lock.json");
if (isOlder(installed, statSync(at("package-lock.json")).mtimeMs)) {
  run("npm", ["ci", "--no-audit", "--no-fund"]);
}

const built = at("dist", "bin", "models.cjs");
const makers = [at("tsconfig.json"), ...["bundle.mjs", "load-joined.cjs"].map((file) => at("scripts", file))].map(
  (file) => statSync(file).mtimeMs,
);
if (isOlder(built, Math.max(newest(at("src")), ...makers))) {
  rmSync(at("dist"), { recursive: true, force: true });
  run("npx", ["tsc", "-p", "tsconfig.json"]);
  // Only now is the package there that it needs.
  await (await import("./bundle.mjs")).bundle();
}

if (isOlder(at("dist", "catalog.json"), Math.max(newest(at("manifests")), newest(at("kits"))))) {
  await (await import("./prepare-catalog.mjs")).prepareCatalog();
}
