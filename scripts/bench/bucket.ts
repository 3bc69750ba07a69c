/** The bucket that files are put into: Ceph's gateway over memory, which forgets at once what is removed. */
import { spawnSync } from "node:child_process";
import { createServer } from "node:net";
import { join } from "node:path";
import {
  CreateBucketCommand,
  DeleteObjectsCommand,
  ListObjectsV2Command,
  type ListObjectsV2CommandOutput,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";

export interface Bucket extends AsyncDisposable {
  readonly name: string;
  readonly endpoint: string;
  /** Variables that every S3 client knows. */
  readonly keys: Readonly<Record<string, string>>;
  readonly list: () => Promise<readonly Stored[]>;
  /** Removes what is there. */
  readonly clear: () => Promise<void>;
  /** An address under which anybody may put one object. */
  readonly addressToPut: (key: string) => Promise<string>;
}

export interface Stored {
  readonly key: string;
  readonly size: number;
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
  const client = new S3Client({
    endpoint,
    region: "us-east-1",
    forcePathStyle: true,
    credentials,
    requestChecksumCalculation: "WHEN_REQUIRED",
  });
  await client.send(new CreateBucketCommand({ Bucket: NAME }));
  return {
    name: NAME,
    endpoint,
    keys: KEYS,
    list: () => list(client),
    clear: () => clear(client),
    addressToPut: (Key) => getSignedUrl(client, new PutObjectCommand({ Bucket: NAME, Key })),
    [Symbol.asyncDispose]: async () => {
      client.destroy();
      down();
    },
  };
}

async function list(client: S3Client): Promise<readonly Stored[]> {
  const { Contents = [] }: ListObjectsV2CommandOutput = await client.send(new ListObjectsV2Command({ Bucket: NAME }));
  return Contents.map(({ Key: key = "", Size: size = 0 }) => ({ key, size }));
}

async function clear(client: S3Client): Promise<void> {
  const Objects = (await list(client)).map(({ key: Key }) => ({ Key }));
  if (Objects.length === 0) return;
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
