/** What a person reads when the disk refuses. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { diskError } from "../../src/base/disk-error.ts";
import { ModelsError } from "../../src/base/errors.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "modelferry-disk-error-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const thrown = (message: string, errno?: number): Error =>
  Object.assign(new Error(message), { code: message.split(":")[0], ...(errno === undefined ? {} : { errno }) });

describe("diskError()", () => {
  it("names the path that the caller knows, not the one that the system was given", () => {
    const error = thrown("EACCES: permission denied, rename '/a/b.part' -> '/proc/self/fd/31/b'");
    const path = join(folder, "loras", "b.safetensors");
    expect(diskError("place", path, error)).toMatchObject({
      code: "DISK_FAILED",
      message: `Cannot place "${path}": permission denied (EACCES)`,
      fix: `give this user the right to write to "${folder}", or choose another root`,
    });
  });

  it.each([
    ["ENOSPC: no space left on device, write", undefined, "DISK_FULL", "the disk is full", /free some space and run/],
    ["UNKNOWN: unknown error, write", -122, "DISK_FULL", "the quota is used up", /quota -s/],
    ["EROFS: read-only file system, open '/x'", undefined, "DISK_FAILED", "read-only file system (EROFS)", /writable/],
    ["EPERM: operation not permitted, open '/x'", undefined, "DISK_FAILED", "operation not permitted", /lsattr/],
    ["EIO: i/o error, write", undefined, "DISK_FAILED", "i/o error (EIO)", /health/],
    ["something else", undefined, "DISK_FAILED", "something else", /health/],
  ] as const)("says what %s means, and what to do", (message, errno, code, seen, fix) => {
    const error = diskError("write", join(folder, "x"), thrown(message, errno));
    expect(error.code).toBe(code);
    expect(error.message).toContain(`": ${seen}`);
    expect(error.fix).toMatch(fix);
  });

  it("names the folder that lacks", () => {
    const error = thrown("ENOENT: no such file or directory, open '/x'");
    expect(diskError("write", "/no/such/file", error).fix).toContain('the folder "/no/such" is there');
  });

  it("passes on what is ours", () => {
    const ours = new ModelsError("LOCKED", "Cannot");
    expect(diskError("write", "/x", ours)).toBe(ours);
  });

  it.skipIf(userInfo().uid !== 0)("says that inodes are used up, where there is room (skipped unless root)", () => {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=16m,nr_inodes=3", "tmpfs", folder]);
    try {
      const error = (() => {
        for (let made = 0; ; made += 1) {
          try {
            mkdirSync(join(folder, String(made)));
          } catch (failure) {
            return failure;
          }
        }
      })();
      expect(diskError("use the folder", join(folder, "9"), error)).toMatchObject({
        code: "DISK_FULL",
        message: expect.stringContaining("its inodes are used up"),
        fix: expect.stringContaining("df -i"),
      });
    } finally {
      execFileSync("umount", [folder]);
    }
  });

  it.skipIf(userInfo().uid !== 0)("says that a disk without room is full, not without inodes", () => {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m,nr_inodes=4", "tmpfs", folder]);
    try {
      const path = join(folder, "filler");
      const fill = (): unknown => {
        try {
          return writeFileSync(path, Buffer.alloc(2 * 1024 * 1024));
        } catch (failure) {
          return failure;
        }
      };
      expect(diskError("write", path, fill()).message).toContain("the disk is full");
    } finally {
      execFileSync("umount", [folder]);
    }
  });
});
