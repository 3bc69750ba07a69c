/** Walking folders, however they are linked. */
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { walkFiles } from "../../src/tree/walk.ts";
import { makeHome } from "./support.ts";

async function namesIn(folder: string, signal?: AbortSignal): Promise<readonly string[]> {
  const names: string[] = [];
  for await (const { name, isLink } of walkFiles(folder, signal)) names.push(isLink ? `${name}@` : name);
  return names;
}

describe("walkFiles()", () => {
  it("gives each file once, under its real name, and ends in spite of loops", async () => {
    const folder = await makeHome();
    await mkdir(join(folder, "b/c"), { recursive: true });
    await mkdir(join(folder, ".modelferry/tmp"), { recursive: true });
    await writeFile(join(folder, ".modelferry/tmp/x"), "");
    await writeFile(join(folder, "b/c/one"), "1");
    await writeFile(join(folder, "two"), "2");
    await symlink("b", join(folder, "a"));
    await symlink("..", join(folder, "b/up"));
    await symlink("two", join(folder, "z"));
    await symlink("nothing", join(folder, "dangling"));
    await symlink("self", join(folder, "self"));
    expect(await namesIn(folder)).toEqual(["two", "z@", "b/c/one"]);
    expect(await namesIn(join(folder, "absent"))).toEqual([]);
  });

  it("stops when it is told to", async () => {
    await expect(namesIn(tmpdir(), AbortSignal.abort(new Error("enough")))).rejects.toThrow("enough");
  });
});
