/** A name with an IPv6 address that swallows everything and an IPv4 one that works: in a network of its own. */
import { spawnSync } from "node:child_process";
import { stat, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { expect, it } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { MAIN, start } from "../cli/run-models.ts";
import { makeBox, weights } from "../operations/box.ts";

const SIZE = 300_000;
// A resolver leaves out the kind of address that the box has nowhere but on its loopback.
const NETWORK = [
  "ip link set lo up",
  // A cable of which nobody listens at the other end.
  "ip link add near type veth peer name far",
  "ip addr add fd77::2/64 dev near nodad",
  "ip addr add 10.77.0.2/24 dev near",
  "ip link set near up",
  "ip link set far up",
].join(" && ");

const canIsolate = spawnSync("unshare", ["-n", "-m", "sh", "-c", NETWORK]).status === 0;

it.skipIf(!canIsolate)(
  "55: an IPv6 address that leads nowhere costs seconds, the IPv4 one serves",
  async () => {
    const { content, figures } = await weights("eyeballs", SIZE);
    await using box = await makeBox();
    await content.writeTo(join(box.folder, "served.safetensors"));
    const origins = new URL("../origins/index.ts", import.meta.url).href;
    const server = `import { startRangeServer } from ${JSON.stringify(origins)};
      const server = await startRangeServer({ "/it.safetensors": { file: "served.safetensors" } }, { host: "10.77.0.2" });
      console.log(server.port);`;
    await writeFile(join(box.folder, "server.mts"), server);
    await writeFile(join(box.folder, "hosts"), "fd77::9 dual.test\n10.77.0.2 dual.test\n127.0.0.1 localhost\n");
    await box.catalogue([{ name: "it", ...figures, sources: [] }]);
    const tsx = createRequire(import.meta.url).resolve("tsx");
    const script = `${NETWORK}
      mount --bind hosts /etc/hosts
      "${process.execPath}" --import "${tsx}" server.mts > port &
      server=$!
      while ! [ -s port ]; do sleep 0.1; done
      "${process.execPath}" "${MAIN}" sync it --root models --manifests manifests --kits kits --mirror "http://dual.test:$(cat port)/{name}.safetensors"
      code=$?
      kill $server
      exit $code`;
    const startedMs = systemClock.monotonicMs();
    const { code, stderr } = await start("unshare", ["-n", "-m", "sh", "-c", script], {
      env: box.environment,
      cwd: box.folder,
    }).ended;
    expect(code, stderr).toBe(0);
    expect(systemClock.monotonicMs() - startedMs).toBeLessThan(20_000);
    expect((await stat(join(box.root, "loras/it.safetensors"))).size).toBe(SIZE);
  },
  60_000,
);
