/** Opens the outside world for one run: control plane, sources and, when the first byte must move, the transfer. */
import { stat } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { accessTo } from "../base/access.ts";
import { readBoundedText } from "../base/bounded-file.ts";
import type { Clock } from "../base/clock.ts";
import { isModelsError, ModelsError } from "../base/errors.ts";
import type { Report } from "../base/events.ts";
import { redactUrl } from "../base/secret.ts";
import { userAgent } from "../base/version.ts";
import { MAX_TEXT_BYTES } from "../catalog/read.ts";
import type { Http } from "../net/http.ts";
import { proxyFor } from "../net/proxy.ts";
import type { ObjectPlace, S3 } from "../net/s3.ts";
import type { Settings } from "../settings.ts";
import type { Sources } from "../sources/index.ts";
import type { Transfer } from "../transfer/transfer.ts";
import type { Found } from "../trust/guard.ts";
import type { SharedTransfer } from "./shared-transfer.ts";
import type { Directly, Network } from "./sync-ports.ts";

export interface NetworkPorts {
  readonly clock: Clock;
  /** With all other runs of this process. */
  readonly shared: SharedTransfer;
  /** Asked before a piece table is believed; every one is unless given. */
  readonly admit?: ((found: Found) => Promise<unknown>) | undefined;
}

/** Loads each part when it is first asked for; opens no connection yet. The network is closed by whoever opened it. */
export function openNetwork(settings: Settings, ports: NetworkPorts, report: Report): Network {
  let asking: Promise<ControlPlane & { readonly sources: Sources }> | null = null;
  let transfer: Promise<Transfer> | null = null;
  const ask = (): NonNullable<typeof asking> => {
    asking ??= openAsking(settings, ports, report);
    return asking;
  };
  return {
    mirrorsOf: async (wanted, options) => await (await ask()).sources.mirrorsOf(wanted, options),
    directly: async () => await openDirectly(settings, (await ask()).sources),
    transfer: () => {
      transfer ??= ports.shared.take();
      return transfer;
    },
    readPieces: async (place, signal) => {
      const [{ parsePieceTable }, { http, s3 }] = await Promise.all([import("../catalog/pieces.ts"), ask()]);
      const text = await readText(place, { settings, http, s3 }, signal);
      await ports.admit?.({ kind: "pieces", place, content: Buffer.from(text) });
      return parsePieceTable(text, place);
    },
    close: async () => {
      if (transfer !== null) await ports.shared.giveBack();
      await (await asking?.catch(() => null))?.http.close();
    },
  };
}

async function openAsking(
  settings: Settings,
  { clock, shared }: NetworkPorts,
  report: Report,
): Promise<ControlPlane & { readonly sources: Sources }> {
  const [plane, { createSources }] = await Promise.all([
    openControlPlane(settings, clock, report),
    import("../sources/index.ts"),
  ]);
  return { ...plane, sources: createSources(settings, { ...plane, clock, pace: shared.pace }) };
}

async function openDirectly(settings: Settings, { directOf }: Sources): Promise<Directly | null> {
  const { caFile, proxy, limits } = settings;
  if (limits.maxRate !== null) return null;
  const extraCa = caFile === null ? null : await (await import("../net/agent.ts")).readExtraCa(caFile);
  return {
    reads: { extraCa, userAgent: userAgent(), connections: connectionsIn(limits) },
    addressOf: async (wanted) => {
      const direct = await directOf(wanted);
      return direct !== null && proxyFor(new URL(direct.endpoint.url), proxy) === null ? direct : null;
    },
  };
}

/** Reads one text, such as a manifest at a URL, and closes what it opened. */
export async function fetchText(
  { settings, clock }: { readonly settings: Settings; readonly clock: Clock },
  url: string,
  signal?: AbortSignal,
): Promise<string> {
  const { http, s3 } = await openControlPlane(settings, clock, () => undefined);
  try {
    return await readText(url, { settings, http, s3 }, signal);
  } finally {
    await http.close();
  }
}

/** A small file comes with its one answer, and most of its time is the way there and back: more may be on it at once. */
const ASKING_PER_LANE = 2;

const connectionsIn = ({ lanes, lanesPerHost }: Settings["limits"]): number => lanes ?? ASKING_PER_LANE * lanesPerHost;

export interface ControlPlane {
  readonly http: Http;
  readonly s3: S3;
}

/** Opens connections to nothing yet. `http` is closed by whoever opened it. */
export async function openControlPlane(settings: Settings, clock: Clock, report: Report): Promise<ControlPlane> {
  const [{ createHttp }, { createS3 }] = await Promise.all([import("../net/http.ts"), import("../net/s3.ts")]);
  const { caFile, proxy, limits } = settings;
  const connections = connectionsIn(limits);
  const http = createHttp({ caFile, proxy, userAgent: userAgent(), connections }, { clock, report });
  return { http, s3: createS3(({ kind, bucket }) => accessTo(settings.s3, kind, bucket), { http, clock }) };
}

/** The text at a URL, in a bucket, or in a file. */
async function readText(
  place: string,
  { settings, http, s3 }: ControlPlane & { readonly settings: Settings },
  signal?: AbortSignal,
): Promise<string> {
  if (!/^[a-z][a-z0-9+.-]+:\/\//i.test(place)) return await readLocalText(place);
  if (/^file:/i.test(place)) return await readLocalText(fileURLToPath(place));
  const [{ credentialFor }, { parseSource }] = await Promise.all([
    import("../sources/credentials.ts"),
    import("../sources/uri.ts"),
  ]);
  const source = parseSource(place);
  const url = source.kind === "r2" || source.kind === "s3" ? await addressOf(source, settings, s3) : place;
  try {
    return await http.fetchText(url, signal, credentialFor(url, settings.hosts));
  } catch (error) {
    throw url === place ? error : renamed(error, redactUrl(url), place);
  }
}

/** An error that calls what was read as a person does, not by the signed address of a moment. */
function renamed(error: unknown, address: string, place: string): unknown {
  if (!isModelsError(error)) return error;
  const { code, message, fix } = error;
  return new ModelsError(code, message.replaceAll(address, place), { ...(fix !== undefined && { fix }), cause: error });
}

/** A manifest may name any path: a pipe would wait for ever, a device would fill the memory. */
async function readLocalText(path: string): Promise<string> {
  const found = await stat(path);
  if (found.isFile() && found.size <= MAX_TEXT_BYTES) return await readBoundedText(path, MAX_TEXT_BYTES);
  const seen = found.isFile() ? `it has ${found.size} bytes` : "it is no file";
  throw new ModelsError("SOURCE_INVALID", `Cannot read "${path}": ${seen}, expected a text`);
}

const SIGNED_SECONDS = 300;

async function addressOf(place: ObjectPlace, settings: Settings, s3: S3): Promise<string> {
  const { publicUrl } = accessTo(settings.s3, place.kind, place.bucket);
  if (publicUrl === undefined) return await s3.presignGet(place, SIGNED_SECONDS);
  return `${publicUrl.replace(/\/+$/, "")}/${place.key.split("/").map(encodeURIComponent).join("/")}`;
}
