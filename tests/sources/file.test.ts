/** Files on this box as mirrors. */
import { execFileSync } from "node:child_process";
import { mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeSafetensors } from "../origins/index.ts";
import { createHarness, only, refusal } from "./harness.ts";

const weights = makeSafetensors({ size: 100_000 });
let folder: string;
const uri = (name: string): string => pathToFileURL(join(folder, name)).href;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "modelferry-file-"));
  await weights.writeTo(join(folder, "a b.safetensors"));
  await symlink("a b.safetensors", join(folder, "link.safetensors"));
  execFileSync("mkfifo", [join(folder, "pipe.safetensors")]);
});
afterAll(() => rm(folder, { recursive: true }));

describe("fileSource", () => {
  it("gives size and path, through a link too", async () => {
    await using box = createHarness();
    const mirror = only(await box.find([uri("a b.safetensors")]));
    expect(mirror).toMatchObject({ label: "file", size: 100_000, sha256: null });
    expect(await mirror.open(AbortSignal.timeout(1000))).toEqual({
      kind: "file",
      path: join(folder, "a b.safetensors"),
    });
    expect(only(await box.find([uri("link.safetensors")])).size).toBe(100_000);
  });

  it.each([
    ["what is not there", "nope.safetensors", "SOURCE_NOT_FOUND"],
    ["a folder", "", "SOURCE_INVALID"],
    ["a pipe, without waiting for its writer", "pipe.safetensors", "SOURCE_INVALID"],
  ])("refuses %s", async (_title, name, code) => {
    await using box = createHarness();
    expect(refusal(await box.find([uri(name).replace(/\/$/, "")])).code).toBe(code);
  });
});
