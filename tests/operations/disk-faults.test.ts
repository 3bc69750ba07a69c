/** A sync on a disk that fails, a clock that jumps, a system that gives no more files: nothing wrong, nothing lost. */
import { execFileSync } from "node:child_process";
import { chmod, mkdir, readdir, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Ended, MAIN, runModels, start } from "../cli/run-models.ts";
import { clockJump, type DiskFault, describeWithFaults, diskFault } from "../native/faults.ts";
import { bytesOf, type Content, startRangeServer } from "../origins/index.ts";
import { type Box, makeBox, weights } from "./box.ts";

const SIZE = 8_000_000;
const PATH = "loras/it.safetensors";

interface Scene extends AsyncDisposable {
  readonly box: Box;
  readonly content: Content;
  readonly sha256: string;
  readonly bytesSent: () => number;
  readonly sync: (environment?: Readonly<Record<string, string>>, root?: string) => Promise<Ended>;
}

async function makeScene(size: number = SIZE): Promise<Scene> {
  const { content, figures } = await weights("disk", size);
  const server = await startRangeServer({ "/it.safetensors": content }, { shape: { bytesPerSecond: 6_000_000 } });
  const box = await makeBox();
  // A small disk has no gigabyte to keep free.
  await writeFile(join(box.folder, "models.config.yaml"), "limits: { reserve: 0 }\n");
  const aliases = ["lora/it.safetensors"];
  await box.catalogue([{ name: "it", path: PATH, aliases, ...figures, sources: [`${server.url}/it.safetensors`] }]);
  return {
    box,
    content,
    sha256: figures.sha256,
    bytesSent: server.bytesSent,
    sync: (environment = {}, root = box.root) =>
      runModels(argsFor(root), { env: { ...box.environment, ...environment }, cwd: box.folder }),
    [Symbol.asyncDispose]: async () => {
      await box[Symbol.asyncDispose]();
      await server.close();
    },
  };
}

const argsFor = (root: string): readonly string[] => [
  "sync",
  "--kit",
  "all",
  "--root",
  root,
  "--manifests",
  "manifests",
  "--kits",
  "kits",
];

const isThere = (box: Box, path: string): Promise<boolean> =>
  stat(join(box.root, path)).then(
    () => true,
    () => false,
  );

/** Whatever went wrong before: the next run has the right bytes under the name. */
async function mends(scene: Scene): Promise<void> {
  const { code, stderr } = await scene.sync();
  expect(code, stderr).toBe(0);
  expect((await scene.box.read(PATH)).equals(await bytesOf(scene.content))).toBe(true);
}

describeWithFaults("models sync on a disk that fails", () => {
  const faults: readonly (readonly [string, DiskFault, RegExp])[] = [
    ["57: EIO at the first write", { call: "write", path: ".part", errno: "EIO" }, /EIO|i\/o error/i],
    ["57: EIO in the middle", { call: "write", path: ".part", after: 4, errno: "EIO" }, /EIO|i\/o error/i],
    ["57: EIO when bytes are made durable", { call: "sync", path: ".part", after: 1, errno: "EIO" }, /EIO|i\/o error/i],
    ["57: EDQUOT in the middle", { call: "write", path: ".part", after: 4, errno: "EDQUOT" }, /quota/],
    ["56: ENOSPC in the middle", { call: "write", path: ".part", after: 4, errno: "ENOSPC" }, /full/],
    ["57: EIO in the journal", { call: "write", path: ".journal", after: 2, errno: "EIO" }, /EIO|i\/o error/i],
    ["57: EIO while the digest reads", { call: "read", path: ".part", errno: "EIO" }, /EIO|i\/o error/i],
    ["57: EROFS at the last step", { call: "rename", path: "it.safetensors", errno: "EROFS" }, /EROFS|read-only/i],
  ];
  it.each(faults)("%s is told with its path, takes no name, and the next run goes on", async (_, fault, says) => {
    await using scene = await makeScene();
    const { code, stderr } = await scene.sync(diskFault(fault));
    expect(code).toBe(1);
    expect(stderr).toMatch(says);
    expect(stderr).toContain(scene.box.root);
    expect(await isThere(scene.box, PATH)).toBe(false);
    await mends(scene);
  });

  it("66: without symbolic and hard links the file comes, and the alias is what fails, by name", async () => {
    await using scene = await makeScene();
    const { code, stderr } = await scene.sync(diskFault({ call: "link", path: "it.safetensors", errno: "EPERM" }));
    expect(code).toBe(1);
    expect(stderr).toMatch(/keep the tree on a file system that has links/);
    expect((await scene.box.read(PATH)).equals(await bytesOf(scene.content))).toBe(true);
  });

  it("66: locks hold without hard links", async () => {
    await using scene = await makeScene();
    const fault = diskFault({ call: "link", path: "/locks/", errno: "EPERM" });
    const [one, other] = await Promise.all([scene.sync(fault), scene.sync(fault)]);
    expect([one.code, other.code]).toEqual([0, 0]);
    expect(scene.bytesSent()).toBeLessThan(SIZE * 1.2);
    expect((await scene.box.read(PATH)).equals(await bytesOf(scene.content))).toBe(true);
  });

  it.each([
    ["forward by a year", 31_536_000],
    ["back by a year", -31_536_000],
  ])("61: a clock that jumps %s in the middle changes nothing", async (_, seconds) => {
    await using scene = await makeScene();
    const { code, stderr } = await scene.sync(clockJump(seconds, 900));
    expect(code, stderr).toBe(0);
    expect((await scene.box.read(PATH)).equals(await bytesOf(scene.content))).toBe(true);
    expect((await scene.sync()).code).toBe(0);
    expect(scene.bytesSent()).toBeLessThan(SIZE * 1.1);
  });
});

describe("models sync where the system gives little", () => {
  it("62: EMFILE is told, or lived with; nothing has a name that is not whole, and the next run goes on", async () => {
    await using scene = await makeScene();
    const { box } = scene;
    for (const files of [24, 30, 40, 64]) {
      const words = ["-c", `ulimit -n ${files}; exec "$@"`, "sh", process.execPath];
      const main = new URL("../../dist/bin/models.cjs", import.meta.url).pathname;
      const { code } = await start("sh", [...words, main, ...argsFor(box.root)], {
        env: box.environment,
        cwd: box.folder,
      }).ended;
      if (code === 0) expect((await box.read(PATH)).equals(await bytesOf(scene.content))).toBe(true);
      else expect(await isThere(box, PATH)).toBe(false);
      if (code === 0) break;
    }
    await mends(scene);
  });
});

/** Root may write anywhere, so what root may not is tried as another user. */
const user = process.getuid?.() === 0 ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] : [];
const canBeUser = (() => {
  try {
    const [program = process.execPath, ...args] = [...user, process.execPath, MAIN, "--version"];
    execFileSync(program, args, { stdio: "ignore", cwd: "/" });
    return true;
  } catch {
    return false;
  }
})();

describe.skipIf(!canBeUser)("models sync by a user who may not write everywhere", () => {
  it.each([
    ["a folder of the tree", "loras", (root: string) => join(root, "loras")],
    ["the root, below which a folder lacks", ".", (root: string) => root],
  ])("57: %s is told with its path and the fix, before a byte is fetched", async (_, shut, named) => {
    await using scene = await makeScene();
    const { box } = scene;
    for (const name of ["locks", "partial", "receipts", "tmp"]) {
      await mkdir(join(box.root, ".modelferry", name), { recursive: true });
    }
    await mkdir(join(box.root, shut), { recursive: true });
    if (user.length > 0) execFileSync("chown", ["-R", "65534", box.folder]);
    await chmod(join(box.root, shut), 0o555);
    const [program = process.execPath, ...words] = [...user, process.execPath, MAIN, ...argsFor(box.root)];
    const { code, stderr } = await start(program, words, { env: box.environment, cwd: box.folder }).ended;
    await chmod(join(box.root, shut), 0o755);
    expect(code).toBe(1);
    expect(stderr).toMatch(/Cannot (?:write to|use) the folder ".*loras": permission denied \(EACCES\)/);
    expect(stderr).toContain(`give this user the right to write to "${named(box.root)}"`);
    expect(stderr).not.toContain("/proc/");
    // Mirrors are asked, with the beginning of the file.
    expect(scene.bytesSent()).toBeLessThan(SIZE / 10);
    await mends(scene);
  });
});

const canMount = (() => {
  try {
    execFileSync("unshare", ["-m", "true"], { stdio: "ignore" });
    return process.getuid?.() === 0;
  } catch {
    return false;
  }
})();

describe.skipIf(!canMount)("models sync on file systems of its own", () => {
  async function onMount(kind: readonly string[], folder: string, work: () => Promise<void>): Promise<void> {
    await mkdir(folder, { recursive: true });
    execFileSync("mount", [...kind, folder]);
    try {
      await work();
    } finally {
      execFileSync("umount", ["-l", folder]);
    }
  }

  it("56: a disk that gets full in the middle keeps what came, says what to free, and resumes", async () => {
    await using scene = await makeScene();
    const { box } = scene;
    const root = join(box.folder, "small");
    await onMount(["-t", "tmpfs", "-o", "size=6m", "tmpfs"], root, async () => {
      const full = await scene.sync({}, root);
      expect(full.code).toBe(1);
      expect(full.stderr).toMatch(/full|free|room/i);
      expect(await readdir(root)).not.toContain("loras");
      execFileSync("mount", ["-o", "remount,size=40m", root]);
      expect((await scene.sync({}, root)).code).toBe(0);
      expect((await stat(join(root, PATH))).size).toBe(SIZE);
    });
  }, 30_000);

  it("57: a root that is read-only is told, with what to do", async () => {
    await using scene = await makeScene();
    const root = join(scene.box.folder, "readonly");
    await onMount(["-t", "tmpfs", "-o", "ro", "tmpfs"], root, async () => {
      const { code, stderr } = await scene.sync({}, root);
      expect(code).toBe(1);
      expect(stderr).toMatch(/read-only|EROFS/i);
      expect(stderr).toMatch(/mount the disk writable|choose another root|--root/);
    });
  });

  it("66: works on overlayfs, over a lower layer that has the file already", async () => {
    await using scene = await makeScene();
    const { box } = scene;
    expect((await scene.sync()).code).toBe(0);
    const sent = scene.bytesSent();
    const root = join(box.folder, "merged");
    // An upper layer must not lie on an overlay itself.
    const disk = join(box.folder, "disk");
    await onMount(["-t", "tmpfs", "-o", "size=64m", "tmpfs"], disk, async () => {
      const layers = [join(disk, "upper"), join(disk, "work")];
      for (const layer of layers) await mkdir(layer);
      const options = `lowerdir=${box.root},upperdir=${layers[0]},workdir=${layers[1]}`;
      await onMount(["-t", "overlay", "-o", options, "overlay"], root, async () => {
        expect((await scene.sync({}, root)).code).toBe(0);
        // The layer below had it, with its receipt.
        expect(scene.bytesSent()).toBe(sent);
        await rm(join(root, PATH));
        expect((await scene.sync({}, root)).code).toBe(0);
        expect((await stat(join(root, PATH))).size).toBe(SIZE);
      });
    });
  }, 30_000);
});
