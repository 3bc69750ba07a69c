/** A repository on the Hub: its own client against ours, both through the same redirects, the bytes from the same nginx. */

import { join } from "node:path";
import { onPath, startHub } from "../../../tests/origins/index.ts";
import { withHeaders } from "../../../tests/origins/reply.ts";
import { type Case, contest, listsOf, nginxOf, roundsOf, scaled, serve, skippedCase, unserve } from "../bench.ts";
import { totalBytes } from "../content.ts";
import { compareTimes, formatBytes, named, roundsText } from "../figures.ts";
import { syncContender } from "../ours.ts";
import type { Offer } from "../rivals.ts";
import type { Contender } from "../terms.ts";

const REPO = "bench/weights";
const COMMIT = "bec0bec0bec0bec0bec0bec0bec0bec0bec0bec0";
const MIB = 1024 * 1024;
const SHARES = [8, 4, 1, 1, 1, 1] as const;

export const hubCase: Case = {
  id: "hub",
  title: "Six files of a Hub repository",
  seconds: 17,
  run: async (bench, { id, title }) => {
    const path = bench.tools.path("hf");
    if (path === null) return skippedCase({ id, title }, "hf is absent (pip install huggingface_hub)");
    const whole = scaled(bench, 1024, 256) * MIB;
    const { folder, files } = await serve(
      bench,
      id,
      SHARES.map((share) => Math.floor((whole / 16) * share) + share),
    );
    await using origin = await nginxOf(bench, { folder });
    const contents = files.map(({ name }) => [name, { file: join(folder, name) }] as const);
    await using hub = await startHub({ repos: [{ name: REPO, commit: COMMIT, files: Object.fromEntries(contents) }] });
    hub.origin.faults.add(onPath("/resolve/"), (reply, asked) =>
      withHeaders(reply, { Location: `${origin.url}/${asked.path.split("/").at(-1)}` }),
    );
    const lists = await listsOf(bench, id);
    const offer: Offer = { files, origins: [origin.url], caFile: null, connections: 8, lists };
    const environment = { HF_ENDPOINT: hub.endpoint, HF_HUB_DISABLE_XET: "1", HF_HUB_DISABLE_TELEMETRY: "1" };
    const ours = syncContender(offer, { sourceOf: ({ name }) => `hf://${REPO}@${COMMIT}/${name}`, environment });
    const theirs: Contender = {
      name: "hf download",
      kind: "rival",
      isVerifying: false,
      command: (into) => ({ argv: [path, "download", REPO, "--revision", COMMIT, "--local-dir", into], environment }),
    };
    const rounds = roundsOf(bench, 2);
    const outcomes = await contest(bench, { id, files, contenders: [ours, theirs], rounds, origins: [origin] });
    await unserve(bench, id);
    return {
      id,
      title,
      about: `${formatBytes(totalBytes(files))} in six files; a server of the tests speaks the Hub's protocol and redirects to nginx on loopback, which sends the bytes; ${roundsText(outcomes)}.`,
      outcomes,
      verdicts: [
        compareTimes({
          case: "Hub repository, sha256: hf download (no digest)",
          ours: named(outcomes, "modelferry sync"),
          versus: named(outcomes, "hf download"),
          atMost: 0.6,
        }),
      ],
      series: [],
      skipped: [],
    };
  },
};
