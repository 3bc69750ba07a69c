/**
 * Loaded before a program: whatever it does to files under RECORD_ROOT is done as ever, and written down in RECORD_LOG,
 * one JSON line an act, in the order in which the acts ended. Reads nothing of what the program means.
 */
import { createHash } from "node:crypto";
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { basename, dirname, join, resolve } from "node:path";

const { RECORD_LOG: log = "", RECORD_ROOT: root = "" } = process.env;
const real = { ...fs, promises: { ...fs.promises } };
const out = fs.openSync(log, "a");
let lastId = 0;

/** One write of a whole line to a file that is open for appending: threads do not tear each other's. */
const note = (act) => real.writeSync(out, `${JSON.stringify(act)}\n`);
const fileOf = (fd) => fs.fstatSync(fd);
const isOurs = (path) => path.startsWith(root);

/** Where a path really leads, through the descriptors of folders that the program holds. */
function placeOf(path) {
  const whole = resolve(String(path));
  try {
    return join(fs.realpathSync(dirname(whole)), basename(whole));
  } catch {
    return whole;
  }
}

function content(bytes) {
  const data = Buffer.from(bytes);
  const text = data.length <= 65_536 ? { data: data.toString("base64") } : {};
  return { bytes: data.length, sha256: createHash("sha256").update(data).digest("hex"), ...text };
}

fs.writeSync = (fd, buffer, offset, length, position) => {
  const written = real.writeSync(fd, buffer, offset, length, position);
  if (typeof buffer === "string") note({ act: "write", inode: fileOf(fd).ino, at: offset, ...content(buffer) });
  if (typeof position === "number") {
    const part = Buffer.from(buffer.buffer, buffer.byteOffset + offset, written);
    note({ act: "write", inode: fileOf(fd).ino, at: position, ...content(part) });
  }
  return written;
};

/** Every file of ours that is written whole is empty before, or appended to. */
fs.writeFileSync = (file, data, ...rest) => {
  const at = typeof file === "number" ? fileOf(file).size : 0;
  real.writeFileSync(file, data, ...rest);
  if (typeof file === "number") note({ act: "write", inode: fileOf(file).ino, at, ...content(data) });
};
fs.ftruncateSync = (fd, size = 0) => {
  real.ftruncateSync(fd, size);
  note({ act: "truncate", inode: fileOf(fd).ino, size });
};
for (const name of ["fsync", "fdatasync"]) {
  fs[name] = (fd, done) => {
    lastId += 1;
    const id = `${process.pid}-${lastId}`;
    const { ino: inode } = fileOf(fd);
    note({ act: "sync-begin", inode, id });
    real[name](fd, (error) => {
      if (error === null) note({ act: "sync-end", inode, id });
      done(error);
    });
  };
}

/** Notes what an open made, or which folder it opened. */
function noteOpen(place, wasThere, fd) {
  const seen = fs.fstatSync(fd);
  if (isOurs(place) && !wasThere && seen.isFile()) note({ act: "create", path: place, inode: seen.ino });
  if (seen.isDirectory()) note({ act: "folder", path: fs.realpathSync(place), inode: seen.ino });
}
fs.openSync = (path, ...rest) => {
  const place = placeOf(path);
  const wasThere = fs.existsSync(place);
  const fd = real.openSync(path, ...rest);
  noteOpen(place, wasThere, fd);
  return fd;
};
fs.open = (path, ...rest) => {
  const done = rest.pop();
  const place = placeOf(path);
  const wasThere = fs.existsSync(place);
  real.open(path, ...rest, (error, fd) => {
    if (error === null) noteOpen(place, wasThere, fd);
    done(error, fd);
  });
};

/** Wraps the methods of open files, which all share one prototype. */
function wrapHandles(handle) {
  const shared = Object.getPrototypeOf(handle);
  if (shared.isRecorded) return;
  shared.isRecorded = true;
  const own = {
    ...Object.fromEntries(
      ["write", "writeFile", "appendFile", "sync", "datasync", "truncate"].map((name) => [name, shared[name]]),
    ),
  };
  shared.write = async function (data, ...rest) {
    const done = await own.write.call(this, data, ...rest);
    const [at, bytes] =
      typeof data === "string"
        ? [rest[0] ?? 0, Buffer.from(data)]
        : [rest[2] ?? 0, Buffer.from(data.buffer, data.byteOffset + (rest[0] ?? 0), done.bytesWritten)];
    note({ act: "write", inode: fileOf(this.fd).ino, at, ...content(bytes) });
    return done;
  };
  shared.writeFile = async function (data, ...rest) {
    await own.writeFile.call(this, data, ...rest);
    note({ act: "write", inode: fileOf(this.fd).ino, at: 0, ...content(data) });
  };
  shared.appendFile = async function (data, ...rest) {
    const at = fileOf(this.fd).size;
    await own.appendFile.call(this, data, ...rest);
    note({ act: "write", inode: fileOf(this.fd).ino, at, ...content(data) });
  };
  shared.truncate = async function (size = 0) {
    await own.truncate.call(this, size);
    note({ act: "truncate", inode: fileOf(this.fd).ino, size });
  };
  for (const name of ["sync", "datasync"]) {
    shared[name] = async function () {
      lastId += 1;
      const id = `${process.pid}-${lastId}`;
      const { ino: inode } = fileOf(this.fd);
      note({ act: "sync-begin", inode, id });
      await own[name].call(this);
      note({ act: "sync-end", inode, id });
    };
  }
}

fs.promises.open = async (path, flags, ...rest) => {
  const place = placeOf(path);
  const wasThere = fs.existsSync(place);
  const handle = await real.promises.open(path, flags, ...rest);
  wrapHandles(handle);
  noteOpen(place, wasThere, handle.fd);
  return handle;
};
for (const name of ["rename", "link"]) {
  fs.promises[name] = async (from, to) => {
    const [source, target] = [placeOf(from), placeOf(to)];
    await real.promises[name](from, to);
    if (isOurs(target)) note({ act: name, from: source, path: target });
  };
}
for (const name of ["unlink", "rm"]) {
  fs.promises[name] = async (path, ...rest) => {
    const place = placeOf(path);
    const wasThere = fs.existsSync(place);
    await real.promises[name](path, ...rest);
    if (isOurs(place) && wasThere) note({ act: "unlink", path: place });
  };
}
syncBuiltinESMExports();
