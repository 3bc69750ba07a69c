/** Putting two files into a bucket: a real S3 server in memory, ours with every proof it gives, and what others do. */
import { spawnSync } from "node:child_process";
import { mkdir, rename } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Bench, type Case, contest, listsOf, roundsOf, scaled, serve, skippedCase, unserve } from "../bench.ts";
import { type Bucket, openBucket } from "../bucket.ts";
import { totalBytes } from "../content.ts";
import { best, compareTimes, formatBytes, named, rivalsIn, roundsText } from "../figures.ts";
import { type CatalogPlaces, COMMAND, catalogWords, writeCatalog } from "../ours.ts";
import { cleanEnvironment } from "../run-once.ts";
import type { Command, Contender, Served } from "../terms.ts";

const MIB = 1024 * 1024;
const CEPH = fileURLToPath(new URL("../../ceph.sh", import.meta.url));

/** What is put, and from where. */
interface Stock {
  readonly files: readonly Served[];
  /** A models folder that has them, each with its receipt. */
  readonly root: string;
  readonly places: CatalogPlaces;
  readonly bucket: Bucket;
}

export const publishCase: Case = {
  id: "publish",
  title: "Two files into a bucket",
  seconds: 52,
  isLong: true,
  run: async (bench, { id, title }) => {
    await using bucket = await openBucket(CEPH, bench.disk);
    if (bucket === null)
      return skippedCase({ id, title }, "Ceph is absent (apt-get install radosgw ceph-osd ceph-mon)");
    const size = scaled(bench, 512, 128) * MIB;
    const { folder, files } = await serve(bench, id, [size, size]);
    const stock = await stockOf(bench, id, { files, folder, bucket });
    const contenders = [oursOf(stock), ...rivalsOf(bench, stock)];
    const rounds = roundsOf(bench, 1);
    await warm(bench, stock);
    const prepare = (): Promise<void> => bucket.clear();
    const inspect = (): Promise<string | null> => wrongIn(bucket, files);
    const outcomes = await contest(bench, { id, files: [], contenders, rounds, origins: [], prepare, inspect });
    await unserve(bench, id);
    return {
      id,
      title,
      about: `${formatBytes(totalBytes(files))} from memory into Ceph's gateway in memory, on the same two cores, warmed by curl; the sizes of the objects are compared after each run; ours proves sha256, md5 and xxh64 in the one read, and writes piece tables; ${roundsText(outcomes)}.`,
      outcomes,
      verdicts: [
        compareTimes({
          case: "publish, two files, sha256 and pieces: the best other tool (no sha256)",
          ours: named(outcomes, "models publish"),
          versus: best(rivalsIn(outcomes)),
          atMost: 1,
        }),
      ],
      series: [],
      skipped: [],
    };
  },
};

/** Files that a sync left there: with receipts, in their places. */
async function stockOf(
  bench: Bench,
  id: string,
  { files, folder, bucket }: Pick<Stock, "files" | "bucket"> & { readonly folder: string },
): Promise<Stock> {
  const lists = await listsOf(bench, id);
  const places = writeCatalog({ files, origins: ["https://models.example.net"], caFile: null, connections: 8, lists });
  const root = join(folder, "models");
  await mkdir(join(root, "diffusion_models"), { recursive: true });
  for (const { name } of files) await rename(join(folder, name), join(root, "diffusion_models", name));
  const words = [COMMAND, "adopt", ...catalogWords(places), "--root", root];
  const { status, stderr } = spawnSync(process.execPath, words, {
    env: cleanEnvironment(bench.disk),
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`the files could not be adopted: ${stderr}`);
  return { files, root, places, bucket };
}

/**
 * The server's memory is slow when it is touched first; that is nobody's time, so it goes to none of the contenders.
 * Twice, for what is deleted makes room only when the next one is under way.
 */
async function warm({ tools, disk }: Bench, { files, root, bucket }: Stock): Promise<void> {
  const options = { env: cleanEnvironment(disk), encoding: "utf8" } as const;
  for (const key of ["once", "twice"].flatMap((folder) => files.map(({ name }) => `${folder}/${name}`))) {
    const words = ["-sS", "--fail", "-T", join(folderOf({ root }), basename(key)), await bucket.addressToPut(key)];
    const { status, stderr } = spawnSync(tools.path("curl") ?? "curl", words, options);
    if (status !== 0) throw new Error(`the server could not be warmed: ${stderr}`);
  }
}

/** What is not there as one object of the file's size, wherever it was put, or null. */
async function wrongIn(bucket: Bucket, files: readonly Served[]): Promise<string | null> {
  const stored = await bucket.list();
  for (const { name, size } of files) {
    const sizes = stored.filter(({ key }) => key.endsWith(`/${name}`)).map((one) => one.size);
    if (sizes.length !== 1 || sizes[0] !== size) {
      return `${name} is there with ${sizes.join(" and ") || "no"} bytes, expected ${size}`;
    }
  }
  return null;
}

function oursOf({ root, places, bucket }: Stock): Contender {
  const to = `s3://${bucket.name}/ours`;
  const words = ["publish", ...catalogWords(places), "--root", root, "--to", to, "--no-manifest", "--json"];
  const { endpoint, keys } = bucket;
  const environment = { ...keys, AWS_ENDPOINT_URL: endpoint, AWS_REGION: "us-east-1" };
  const command = (): Command => ({ argv: [process.execPath, COMMAND, ...words], environment });
  return { name: "models publish", kind: "ours", isVerifying: true, command };
}

function rivalsOf({ tools }: Bench, stock: Stock): readonly Contender[] {
  const rclone = tools.path("rclone");
  const s3cmd = tools.path("s3cmd");
  const s5cmd = tools.path("s5cmd");
  const tuned = ["--s3-upload-concurrency", "8", "--s3-chunk-size", "16M"];
  return [
    ...(rclone === null ? [] : [rival("rclone copy", rcloneWords(rclone, stock), stock)]),
    ...(rclone === null ? [] : [rival("rclone copy, 8 x 16 MiB", [...rcloneWords(rclone, stock), ...tuned], stock)]),
    ...(s3cmd === null ? [] : [rival("s3cmd put", s3cmdWords(s3cmd, stock), stock)]),
    ...(s5cmd === null ? [] : [rival("s5cmd cp", s5cmdWords(s5cmd, stock), stock)]),
  ];
}

function rival(name: string, argv: readonly string[], { bucket }: Stock): Contender {
  return { name, kind: "rival", isVerifying: false, command: () => ({ argv, environment: bucket.keys }) };
}

const folderOf = ({ root }: Pick<Stock, "root">): string => join(root, "diffusion_models");

function rcloneWords(path: string, stock: Stock): readonly string[] {
  const { name, endpoint } = stock.bucket;
  const remote = `:s3,provider=Ceph,env_auth=true,endpoint='${endpoint}',no_check_bucket=true:${name}/rclone`;
  return [path, "copy", folderOf(stock), remote, "--config", "/dev/null", "--log-level", "ERROR"];
}

function s3cmdWords(path: string, stock: Stock): readonly string[] {
  const { name, endpoint } = stock.bucket;
  const { host } = new URL(endpoint);
  const server = ["--no-ssl", `--host=${host}`, `--host-bucket=${host}`, "--quiet"];
  const files = stock.files.map((file) => join(folderOf(stock), basename(file.name)));
  return [path, "put", "--config=/dev/null", ...server, ...files, `s3://${name}/s3cmd/`];
}

function s5cmdWords(path: string, stock: Stock): readonly string[] {
  const { name, endpoint } = stock.bucket;
  return [path, "--log", "error", "--endpoint-url", endpoint, "cp", `${folderOf(stock)}/`, `s3://${name}/s5cmd/`];
}
