/** A process of its own that changes a lockfile: `rounds` adds many models one by one, `hold` stops for good in the middle. */
import type { Sha256 } from "../../src/base/artifact.ts";
import { systemClock } from "../../src/base/clock.ts";
import type { TreePath } from "../../src/base/paths.ts";
import { mergeLock, readLock } from "../../src/catalog/lockfile.ts";
import { createChangeLock } from "../../src/operations/change-lock.ts";

const [path = "", who = "", mode = "", rounds = "1"] = process.argv.slice(2);
const changeLock = createChangeLock({ clock: systemClock, readLock });

function stopHere(): void {
  process.stdout.write("held\n");
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}

for (let round = 0; round < Number(rounds); round += 1) {
  const name = `${who}-${round}`;
  const entry = {
    name,
    path: `loras/${name}.safetensors` as TreePath,
    size: 1,
    sha256: "0".repeat(64) as Sha256,
    sources: [],
  };
  await changeLock(path, (lock) => {
    if (mode === "hold") stopHere();
    return mergeLock(lock, [entry]);
  });
}
