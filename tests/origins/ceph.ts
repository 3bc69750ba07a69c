/** A real S3 server: Ceph's gateway over memory, where its Debian packages are installed; loud where they are not. */
import { execFile } from "node:child_process";
import { mkdtemp } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";
import { describe, expect, it } from "vitest";
import type { BucketAccess } from "../../src/base/access.ts";
import { Secret } from "../../src/base/secret.ts";

const run = promisify(execFile);
const SCRIPT = fileURLToPath(new URL("../../scripts/ceph.sh", import.meta.url));
const INSTALL = "apt-get install -y --no-install-recommends radosgw ceph-osd ceph-mon ceph-common";

export const CEPH_ACCESS_KEY = "MODELFERRY";
export const CEPH_SECRET_KEY = "modelferry-in-tests";

export interface Ceph extends AsyncDisposable {
  readonly endpoint: string;
  readonly access: (endpoint?: string) => BucketAccess;
  readonly createBucket: (name: string) => Promise<void>;
}

const isInstalled = await Promise.all(
  ["radosgw", "ceph-osd", "ceph-mon", "ceph"].map((tool) =>
    run("which", [tool]).then(
      () => true,
      () => false,
    ),
  ),
).then((all) => all.every(Boolean));

/** As `describe`; without Ceph it says loudly what was not tested, and with `CI` that is a failure. */
export function describeWithCeph(title: string, tests: () => void): void {
  if (isInstalled) {
    describe(title, tests);
    return;
  }
  const message = `${title}: NOT TESTED, Ceph is not installed (${INSTALL})`;
  const { CI } = process.env as { readonly CI?: string };
  if (CI) it(message, () => expect.fail(message));
  else {
    process.stderr.write(`\n!!! ${message}\n\n`);
    it.skip(message, () => undefined);
  }
}

/** Starts a cluster of its own; takes about 13 seconds. */
export async function startCeph(gib = 4): Promise<Ceph> {
  const folder = await mkdtemp(join(tmpdir(), "modelferry-ceph-"));
  const port = await freePorts();
  const down = async (): Promise<void> => {
    await run(SCRIPT, ["down", folder]);
  };
  await run(SCRIPT, ["up", folder, String(port), String(gib)]).catch(async (error: unknown) => {
    await down();
    throw error;
  });
  const endpoint = `http://127.0.0.1:${port}`;
  return {
    endpoint,
    access: (other = endpoint) => ({
      endpoint: other,
      region: "us-east-1",
      accessKeyId: new Secret(CEPH_ACCESS_KEY),
      secretAccessKey: new Secret(CEPH_SECRET_KEY),
    }),
    createBucket: async (name) => {
      const credentials = { accessKeyId: CEPH_ACCESS_KEY, secretAccessKey: CEPH_SECRET_KEY };
      const client = new S3Client({ endpoint, region: "us-east-1", forcePathStyle: true, credentials });
      await client.send(new CreateBucketCommand({ Bucket: name }));
      client.destroy();
    },
    [Symbol.asyncDispose]: down,
  };
}

/**
 * A port such that the next one is free as well, below those that the kernel gives to connections: it is bound only
 * seconds later, when the tests that run beside this one have opened many.
 */
async function freePorts(): Promise<number> {
  for (;;) {
    const port = await listenOnce(20_000 + 2 * Math.floor(Math.random() * 5_000)).catch(() => null);
    if (port === null) continue;
    const isNextFree = await listenOnce(port + 1).then(
      () => true,
      () => false,
    );
    if (isNextFree) return port;
  }
}

async function listenOnce(port: number): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  const address = server.address();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return typeof address === "object" && address !== null ? address.port : port;
}
