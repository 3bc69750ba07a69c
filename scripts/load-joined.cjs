/** Runs the modules that the bundler joined into one file, and keeps what V8 made of them for the next process. */
const fs = require("node:fs");
const { join } = require("node:path");
const { Script } = require("node:vm");

const JOINED = join(__dirname, "joined.js");
/** Threads are ended when there is nothing left to do for them, so that they keep theirs while they live. */
const THREAD_KEEPS_MS = 1000;

/** Many modules want it and a check needs nothing of it, so that Node spends 2 ms on it (measured) when it is needed. */
const promises = new Proxy({}, { get: (_, wanted) => require("node:fs/promises")[wanted] });

/** The command line; `command` is its first word, whatever that is. */
function runCommand(file, command = "") {
  const joined = openFor(/^[a-z]{1,20}$/.test(command) ? command : "models");
  // A word that is no command fails, and nothing is kept for it.
  process.once("exit", (exitCode) => exitCode === 0 && joined.keep());
  joined.load(file);
}

function runThread(file) {
  const joined = openFor(file.replace(".cjs", ""));
  setTimeout(joined.keep, THREAD_KEEPS_MS).unref();
  joined.load(file);
}

/** The modules, with what was kept for one `user`: with all that any command needs, a check would take 5 ms longer (measured). */
function openFor(user) {
  const source = fs.readFileSync(JOINED, "latin1");
  /** The bundler's first line names the text. V8 itself takes any text of the same length for the same. */
  const name = source.slice(0, source.indexOf("\n"));
  /** Of this Node alone: another one that calls its V8 by the same number may read the same bytes in another way. */
  const place = join(__dirname, `joined-${user}-${process.version}-${process.arch}.bin`);
  // The variable with which Node's own cache of compiled code is turned off.
  const isCold = Boolean(process.env.NODE_DISABLE_COMPILE_CACHE);
  const kept = isCold ? null : readCompiled(place, name);
  const script = new Script(source, { filename: JOINED, cachedData: kept?.compiled });
  const functions = script.runInThisContext();
  const loaded = new Map();

  /** The exports of a module, such as `models.cjs`; runs it the first time. */
  const load = (file) => {
    const before = loaded.get(file);
    if (before !== undefined) return before.exports;
    const module = { exports: {} };
    loaded.set(file, module);
    functions[file].call(module.exports, module.exports, requireFrom, module, join(__dirname, file), __dirname);
    return module.exports;
  };
  const requireFrom = (id) => {
    if (id.startsWith("./")) return load(id.slice(2));
    return id === "node:fs/promises" ? promises : require(id);
  };
  /** Writes only where modules ran that were not kept, and where who runs this may change the program itself. */
  const keep = () => {
    const modules = new Set([...(kept?.modules ?? []), ...loaded.keys()]);
    // V8 refuses what it made with other options; the next process will most likely have the usual ones again.
    if (script.cachedDataRejected || isCold) return;
    if (modules.size !== kept?.modules.length) writeCompiled(place, { of: name, modules: [...modules] }, script);
  };
  return { load, keep };
}

/** A line that says what was compiled and which modules ran, then what V8 made of them. */
function readCompiled(place, name) {
  try {
    const all = fs.readFileSync(place);
    const end = all.indexOf("\n");
    const { of, modules } = JSON.parse(all.latin1Slice(0, end));
    return of === name && Array.isArray(modules) ? { modules, compiled: all.subarray(end + 1) } : null;
  } catch {
    return null;
  }
}

function writeCompiled(place, line, script) {
  // Several threads of one process may keep the same.
  const temporary = `${place}.${process.pid}-${Math.random().toString(36).slice(2)}`;
  try {
    fs.accessSync(__dirname, fs.constants.W_OK);
    const compiled = Buffer.concat([Buffer.from(`${JSON.stringify(line)}\n`), script.createCachedData()]);
    fs.writeFileSync(temporary, compiled, { flush: true });
    fs.renameSync(temporary, place);
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

module.exports = { runCommand, runThread };
