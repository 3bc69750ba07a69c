/** The bucket that files are put into: Ceph's gateway over memory, which forgets at once what is removed. */
import { spawnSync } from "node:child_process";
import { createServer } from "node:net";
import { join } from "node:path";
import {
  CreateBucketCommand,
  DeleteObjectsCommand,
  ListObjectsV2Command,
  type ListObjectsV2CommandOutput,
  S3Client,
} from "@aws-sdk/client-s3";

export interface Bucket extends AsyncDisposable {
  readonly name: string;
  readonly endpoint: string;
  /** Variables that every S3 client knows. */
  readonly keys: Readonly<Record<string, string>>;
  /**
   * Removes what is there.
   * @param atLeast bytes that ought to be there, unless it is empty
   * @throws Error when there are fewer: whoever put them did not do what it said
   */
  readonly clear: (atLeast: number) => Promise<void>;
}

const NAME = "bench";
const GIB = 8;
const KEYS = { AWS_ACCESS_KEY_ID: "MODELFERRY", AWS_SECRET_ACCESS_KEY: "modelferry-in-tests" };

/** Starts the server in a folder below `disk`. @throws Error when it does not start */
export async function openBucket(script: string, disk: string): Promise<Bucket> {
  const folder = join(disk, "ceph");
  const port = await freePort();
  const up = spawnSync(script, ["up", folder, String(port), String(GIB)], { encoding: "utf8" });
  const end = (): unknown => spawnSync(script, ["down", folder]);
  // A benchmark that is interrupted must not leave its servers behind.
  process.once("exit", end);
  const down = (): void => {
    process.off("exit", end);
    end();
  };
  if (up.status !== 0) {
    down();
    throw new Error(`Ceph did not start: ${up.stderr.trim().split("\n").at(-1)}`);
  }
  const endpoint = `http://127.0.0.1:${port}`;
  const credentials = { accessKeyId: KEYS.AWS_ACCESS_KEY_ID, secretAccessKey: KEYS.AWS_SECRET_ACCESS_KEY };
  const client = new S3Client({ endpoint, region: "us-east-1", forcePathStyle: true, credentials });
  await client.send(new CreateBucketCommand({ Bucket: NAME }));
  return {
    name: NAME,
    endpoint,
    keys: KEYS,
    clear: (atLeast) => clear(client, atLeast),
    [Symbol.asyncDispose]: async () => {
      client.destroy();
      down();
    },
  };
}

async function clear(client: S3Client, atLeast: number): Promise<void> {
  const { Contents = [] }: ListObjectsV2CommandOutput = await client.send(new ListObjectsV2Command({ Bucket: NAME }));
  if (Contents.length === 0) return;
  const bytes = Contents.reduce((sum, { Size = 0 }) => sum + Size, 0);
  if (bytes < atLeast) throw new Error(`the bucket has ${bytes} bytes, expected ${atLeast}`);
  const Objects = Contents.map(({ Key }) => ({ Key }));
  await client.send(new DeleteObjectsCommand({ Bucket: NAME, Delete: { Objects } }));
}

/** Below the ports that the kernel gives to connections. */
async function freePort(): Promise<number> {
  for (let port = 20_100; ; port += 2) {
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once("error", () => resolve(false));
      server.listen(port, "127.0.0.1", () => resolve(true));
    });
    await new Promise<void>((resolve) => server.close(() => resolve()));
    if (isFree) return port;
  }
}
