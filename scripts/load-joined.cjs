/** Runs the modules that the bundler joined into one file, and keeps what V8 made of them for the next process. */
const fs = require("node:fs");
const { join } = require("node:path");
const { Script } = require("node:vm");

const JOINED = join(__dirname, "joined.js");
/** Of this Node alone: another one that calls its V8 by the same number may read the same bytes in another way. */
const COMPILED = join(__dirname, `joined-${process.version}-${process.arch}.bin`);

const source = fs.readFileSync(JOINED, "latin1");
/** The bundler's first line names the text. V8 itself takes any text of the same length for the same. */
const name = source.slice(0, source.indexOf("\n"));
const kept = readCompiled();
const script = new Script(source, { filename: JOINED, cachedData: kept?.compiled });
const functions = script.runInThisContext();
const loaded = new Map();

/** The exports of a module, such as `models.cjs`; runs it the first time. */
function load(file) {
  const before = loaded.get(file);
  if (before !== undefined) return before.exports;
  const module = { exports: {} };
  loaded.set(file, module);
  functions[file].call(module.exports, module.exports, requireFrom, module, join(__dirname, file), __dirname);
  return module.exports;
}

/** Many modules want it and a check needs nothing of it, so that Node spends 2 ms on it (measured) when it is needed. */
const promises = new Proxy({}, { get: (_, wanted) => require("node:fs/promises")[wanted] });

function requireFrom(id) {
  if (id.startsWith("./")) return load(id.slice(2));
  return id === "node:fs/promises" ? promises : require(id);
}

/** A line that says what was compiled and which modules ran, then what V8 made of them. */
function readCompiled() {
  try {
    const all = fs.readFileSync(COMPILED);
    const end = all.indexOf("\n");
    const { of, modules } = JSON.parse(all.latin1Slice(0, end));
    return of === name && Array.isArray(modules) ? { modules, compiled: all.subarray(end + 1) } : null;
  } catch {
    return null;
  }
}

/**
 * Call it when the process ends. Writes only where modules ran that were not kept, and where who runs this may change
 * the program itself. Obeys the variable with which Node's own cache of compiled code is turned off.
 */
function keepCompiled(exitCode) {
  const modules = new Set([...(kept?.modules ?? []), ...loaded.keys()]);
  // V8 refuses what it made with other options; the next process will most likely have the usual ones again.
  if (exitCode !== 0 || script.cachedDataRejected || process.env.NODE_DISABLE_COMPILE_CACHE) return;
  if (modules.size === kept?.modules.length) return;
  const temporary = `${COMPILED}.${process.pid}`;
  try {
    fs.accessSync(__dirname, fs.constants.W_OK);
    const line = JSON.stringify({ of: name, modules: [...modules] });
    fs.writeFileSync(temporary, Buffer.concat([Buffer.from(`${line}\n`), script.createCachedData()]), { flush: true });
    fs.renameSync(temporary, COMPILED);
  } catch {
    // The next process compiles again, as this one did.
    remove(temporary);
  }
}

/** Throws nothing: that would make a failure of what is done. */
function remove(file) {
  try {
    fs.unlinkSync(file);
  } catch {}
}

module.exports = { keepCompiled, load };
