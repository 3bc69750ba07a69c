/** What the command line makes of a process that has nothing left to wait for. */
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { start } from "./run-models.ts";

const IDLE = fileURLToPath(new URL("./idle-child.ts", import.meta.url));

describe("createTerminal()", () => {
  it("takes an end that nobody asked for as a crash, not as done", async () => {
    const { ended } = start(process.execPath, ["--import", "tsx", IDLE], {
      cwd: fileURLToPath(new URL("../..", import.meta.url)),
    });
    expect(await ended).toMatchObject({ code: 1, stderr: expect.stringContaining("nothing is under way any more") });
  });
});
