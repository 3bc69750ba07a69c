/** How the tools of others are asked for their best: one command line each, for one file or for many. */
import { writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import type { Command, Contender, Served } from "./terms.ts";
import type { ToolName, Tools } from "./tools.ts";

/** What a case offers to fetch. */
export interface Offer {
  readonly files: readonly Served[];
  /** Origins that all hold all files, without a slash at the end; tools that know only one mirror get the first. */
  readonly origins: readonly string[];
  /** PEM file of the authority to trust, or null for plain HTTP. */
  readonly caFile: string | null;
  /** Connections that a tool with such a knob gets. */
  readonly connections: number;
  /** How long a tool with such a knob waits for a mirror that says nothing. @default the tool's own */
  readonly patienceSeconds?: number;
  /** A folder for lists that tools read. */
  readonly lists: string;
}

export type RivalName =
  | "curl"
  | "curl + openssl"
  | "aria2c"
  | "aria2c + checksum"
  | "wget2"
  | "lftp"
  | "rclone"
  | "s5cmd"
  | "pget";

interface Rival {
  readonly tools: readonly ToolName[];
  readonly isVerifying: boolean;
  readonly argv: (offer: Offer, folder: string, path: (name: ToolName) => string) => readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

const RIVALS: Readonly<Record<RivalName, Rival>> = {
  curl: {
    tools: ["curl"],
    isVerifying: false,
    argv: (offer, folder, path) => [path("curl"), ...curlWords(offer, folder)],
  },
  "curl + openssl": {
    tools: ["curl", "openssl"],
    isVerifying: true,
    argv: (offer, folder, path) => curlThenDigest(offer, folder, path),
  },
  aria2c: {
    tools: ["aria2c"],
    isVerifying: false,
    argv: (offer, folder, path) => [path("aria2c"), ...ariaWords(offer, folder, false)],
  },
  "aria2c + checksum": {
    tools: ["aria2c"],
    isVerifying: true,
    argv: (offer, folder, path) => [path("aria2c"), ...ariaWords(offer, folder, true)],
  },
  wget2: {
    tools: ["wget2"],
    isVerifying: false,
    argv: (offer, folder, path) => [path("wget2"), ...wget2Words(offer, folder)],
  },
  lftp: {
    tools: ["lftp"],
    isVerifying: false,
    argv: (offer, folder, path) => [path("lftp"), "-c", lftpScript(offer, folder)],
  },
  rclone: {
    tools: ["rclone"],
    isVerifying: false,
    argv: (offer, folder, path) => [path("rclone"), ...rcloneWords(offer, folder)],
  },
  s5cmd: {
    tools: ["s5cmd"],
    isVerifying: false,
    argv: (offer, folder, path) => [path("s5cmd"), ...s5cmdWords(offer, folder)],
    environment: { AWS_REGION: "us-east-1", AWS_EC2_METADATA_DISABLED: "true" },
  },
  pget: {
    tools: ["pget"],
    isVerifying: false,
    argv: (offer, folder, path) => [path("pget"), ...pgetWords(offer, folder)],
  },
};

/** Those of `names` that are installed, as contenders; the others are named by the report. */
export function rivals(names: readonly RivalName[], offer: Offer, tools: Tools): readonly Contender[] {
  return names.flatMap((name): Contender[] => {
    const rival = RIVALS[name];
    if (rival.tools.some((tool) => tools.path(tool) === null)) return [];
    const { environment } = rival;
    const command = (folder: string): Command => ({
      argv: rival.argv(offer, folder, (tool) => tools.path(tool) ?? tool),
      ...(environment === undefined ? {} : { environment }),
    });
    return [{ name, kind: "rival", isVerifying: rival.isVerifying, command }];
  });
}

const urlOf = ({ origins }: Offer, file: Served, origin = 0): string => `${origins[origin]}/${file.name}`;
const first = ({ files }: Offer): Served => files[0] as Served;
const isOne = ({ files }: Offer): boolean => files.length === 1;
/** A list for a tool that reads its work from a file: a thousand addresses do not fit on a command line. */
function list({ lists }: Offer, name: string, lines: readonly string[]): string {
  const path = join(lists, name);
  writeFileSync(path, `${lines.join("\n")}\n`);
  return path;
}

function curlWords(offer: Offer, folder: string): readonly string[] {
  const trust = offer.caFile === null ? [] : ["--cacert", offer.caFile];
  if (isOne(offer))
    return ["-sS", "--fail", ...trust, "-o", join(folder, first(offer).name), urlOf(offer, first(offer))];
  const lines = offer.files.flatMap((file) => [
    `url = "${urlOf(offer, file)}"`,
    `output = "${join(folder, file.name)}"`,
  ]);
  const config = list(offer, "curl.conf", lines);
  return ["-sS", "--fail", "--parallel", "--parallel-max", String(offer.connections), ...trust, "-K", config];
}

/** Of what one process says: more than a pipe takes at once could be mixed with what another one says. */
const MOST_DIGESTS = 32;

/** The digests are compared, as a script that cares would: on all cores, and so in no order. */
function curlThenDigest(offer: Offer, folder: string, path: (name: ToolName) => string): readonly string[] {
  const fetch = [path("curl"), ...curlWords(offer, folder)].map(quoted).join(" ");
  const expected = list(offer, "expected.sha256", offer.files.map(({ sha256, name }) => `${sha256} *${name}`).sort());
  const names = list(
    offer,
    "names",
    offer.files.map(({ name }) => name),
  );
  const cores = availableParallelism();
  const each = Math.min(MOST_DIGESTS, Math.ceil(offer.files.length / (8 * cores)));
  const digest = `xargs -P${cores} -n${each} ${quoted(path("openssl"))} dgst -sha256 -r < ${quoted(names)}`;
  return ["sh", "-c", `${fetch} && cd ${quoted(folder)} && ${digest} | LC_ALL=C sort | cmp - ${quoted(expected)}`];
}

/** A word for a shell. */
export const quoted = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`;

function ariaWords(offer: Offer, folder: string, isVerifying: boolean): readonly string[] {
  const { connections, caFile, origins, files, patienceSeconds } = offer;
  const trust = caFile === null ? [] : [`--ca-certificate=${caFile}`];
  const patience = patienceSeconds === undefined ? [] : ["timeout", "connect-timeout"];
  const common = [
    "--quiet",
    "--no-conf",
    ...patience.map((name) => `--${name}=${patienceSeconds}`),
    "--file-allocation=falloc",
    "--min-split-size=1M",
    `--dir=${folder}`,
    ...trust,
  ];
  const perServer = Math.min(16, connections);
  const file = first(offer);
  const checksum = isVerifying ? [`--checksum=sha-256=${file.sha256}`] : [];
  if (isOne(offer)) {
    const split = [`--max-connection-per-server=${perServer}`, `--split=${perServer * origins.length}`];
    return [...common, ...split, ...checksum, `--out=${file.name}`, ...origins.map((_, at) => urlOf(offer, file, at))];
  }
  const lines = files.flatMap((one) => [
    origins.map((_, at) => urlOf(offer, one, at)).join("\t"),
    `  out=${one.name}`,
    ...(isVerifying ? [`  checksum=sha-256=${one.sha256}`] : []),
  ]);
  const input = list(offer, `aria2-${isVerifying}.txt`, lines);
  return [
    ...common,
    `--max-concurrent-downloads=${connections}`,
    "--max-connection-per-server=4",
    `--input-file=${input}`,
  ];
}

function wget2Words(offer: Offer, folder: string): readonly string[] {
  const trust = offer.caFile === null ? [] : [`--ca-certificate=${offer.caFile}`];
  const common = ["--quiet", "--no-config", "--http2=off", `--max-threads=${offer.connections}`, ...trust];
  if (isOne(offer)) return [...common, "-O", join(folder, first(offer).name), urlOf(offer, first(offer))];
  const input = list(
    offer,
    "wget2.txt",
    offer.files.map((file) => urlOf(offer, file)),
  );
  return [...common, "-P", folder, "-i", input];
}

function lftpScript(offer: Offer, folder: string): string {
  const trust = offer.caFile === null ? "" : `set ssl:ca-file ${quoted(offer.caFile)};`;
  const { connections } = offer;
  const common = `${trust} set net:max-retries 3; set net:connection-limit ${connections};`;
  const file = first(offer);
  if (isOne(offer)) {
    return `${common} pget -n${connections} -O ${quoted(folder)} ${urlOf(offer, file)}`;
  }
  return `${common} mirror -P${connections} ${offer.origins[0]}/ ${quoted(folder)}`;
}

function rcloneWords(offer: Offer, folder: string): readonly string[] {
  const trust = offer.caFile === null ? [] : ["--ca-cert", offer.caFile];
  const common = ["--config", "/dev/null", "--http-url", offer.origins[0] ?? "", "--log-level", "ERROR", ...trust];
  const streams = ["--multi-thread-streams", String(offer.connections), "--multi-thread-chunk-size", "16M"];
  const file = first(offer);
  // A size that was not asked for is none, and then one file comes in one stream.
  if (isOne(offer)) return ["copyto", `:http:${file.name}`, join(folder, file.name), ...common, ...streams];
  const names = list(
    offer,
    "rclone.txt",
    offer.files.map(({ name }) => name),
  );
  const transfers = ["--transfers", String(offer.connections), "--checkers", String(offer.connections)];
  return ["copy", ":http:", folder, "--files-from", names, "--http-no-head", ...common, ...streams, ...transfers];
}

/** nginx is no S3, but its ranges are all that a download of one object needs: the served folder's parent is the bucket. */
function s5cmdWords(offer: Offer, folder: string): readonly string[] {
  const url = new URL(urlOf(offer, first(offer)));
  const [bucket = "", ...key] = url.pathname.slice(1).split("/");
  const common = ["--no-sign-request", "--log", "error", "--endpoint-url", url.origin, "cp"];
  const knobs = ["--concurrency", String(offer.connections), "--part-size", "16"];
  return [...common, ...knobs, `s3://${bucket}/${key.join("/")}`, join(folder, first(offer).name)];
}

function pgetWords(offer: Offer, folder: string): readonly string[] {
  const file = first(offer);
  return [
    "--concurrency",
    String(offer.connections),
    "--log-level",
    "error",
    urlOf(offer, file),
    join(folder, file.name),
  ];
}
