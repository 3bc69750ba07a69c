/** The stock minisign, where it is installed. Where it is not, its tests say so, and in CI that is a failure. */
import { spawnSync } from "node:child_process";
import { describe, it } from "vitest";

const { CI, PATH = "" } = process.env;
const isHere = spawnSync("minisign", ["-v"]).status === 0;

export interface Ended {
  readonly code: number | null;
  readonly output: string;
}

/** Runs minisign in `folder`; `input` answers its questions. */
export function minisign(folder: string, args: readonly string[], input = ""): Ended {
  const { status, stdout, stderr } = spawnSync("minisign", args, { cwd: folder, input, env: { PATH, HOME: folder } });
  return { code: status, output: `${stdout}${stderr}` };
}

/** Tests that need the stock tool. */
export function describeWithMinisign(title: string, tests: () => void): void {
  if (isHere) describe(title, tests);
  else if (CI === "true" || CI === "1") {
    it(`${title}: minisign is not installed, and in CI it must be (apt-get install minisign)`, () => {
      throw new Error("minisign is not installed");
    });
  } else {
    describe.skip(`${title}: SKIPPED, minisign is not installed (apt-get install minisign)`, tests);
    process.stderr.write(`SKIPPED: ${title}: minisign is not installed (apt-get install minisign)\n`);
  }
}
