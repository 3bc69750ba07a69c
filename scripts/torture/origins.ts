/** The servers of one world: its mirrors with their faults in place, and the hosts to which redirects lead. */
import { BUCKET } from "../../tests/origins/emulator.ts";
import {
  type Fault,
  type Hub,
  type LoggedRequest,
  type Origin,
  type OriginOptions,
  startHub,
  startRangeServer,
} from "../../tests/origins/index.ts";
import { createDraw } from "./draw.ts";
import type { MirrorKind, Site } from "./fault.ts";
import { faultOf } from "./faults.ts";
import { startS3Front } from "./s3-front.ts";
import { SECRETS } from "./secrets.ts";
import { keyOf, type Stock } from "./stock.ts";
import type { MirrorPlan, WorldPlan } from "./world.ts";

const REPO = "torture/weights";

/** One server, and what may be said to it. */
interface Watched {
  readonly origin: Origin;
  /** The secret that is for it, or null. */
  readonly own: string | null;
  /** Whether it sends weights. */
  readonly isContent: boolean;
}

export interface WorldMirror {
  readonly kind: MirrorKind;
  /** The source of file `stock`, as the manifest says it. */
  readonly sourceOf: (stock: number) => string;
  /** Host and port, for the config. */
  readonly host: string;
  readonly endpoint: string;
}

export interface WorldOrigins extends AsyncDisposable {
  readonly mirrors: readonly WorldMirror[];
  readonly all: readonly Watched[];
  /** Requests whose answer a fault changed. */
  readonly touched: ReadonlySet<LoggedRequest>;
  /** Every mirror is well from now on. */
  readonly heal: () => Promise<void>;
}

/** Starts every server of `plan`. */
export async function openOrigins(plan: WorldPlan, stock: Stock): Promise<WorldOrigins> {
  const opening = openingOf(plan, stock);
  const { all, touched } = opening;
  const mirrors: WorldMirror[] = [];
  for (const [index, mirror] of plan.mirrors.entries()) mirrors.push(await openMirror(opening, mirror, index));
  return {
    mirrors,
    all,
    touched,
    heal: async () => {
      for (const { origin } of all) {
        origin.faults.clear();
        await origin.revive();
      }
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(all.map(({ origin }) => origin.close()));
    },
  };
}

/** What is known of a world while its servers are started. */
interface Opening {
  readonly plan: WorldPlan;
  readonly stock: Stock;
  /** The world's files by their paths on a server. */
  readonly content: Readonly<Record<string, Buffer>>;
  readonly all: Watched[];
  readonly touched: Set<LoggedRequest>;
}

/** The servers of one mirror: who is asked first, and who sends the bytes. */
interface Servers {
  readonly door: Origin;
  readonly place: Origin;
  readonly hub: Hub | null;
}

function openingOf(plan: WorldPlan, stock: Stock): Opening {
  const bytesOf = (index: number): Buffer => stock.files[index]?.bytes ?? Buffer.alloc(0);
  const content = Object.fromEntries(plan.files.map(({ stock: index }) => [`/${keyOf(index)}`, bytesOf(index)]));
  return { plan, stock, content, all: [], touched: new Set() };
}

async function openMirror(opening: Opening, mirror: MirrorPlan, index: number): Promise<WorldMirror> {
  const { stock, plan } = opening;
  const options = optionsOf(opening, mirror);
  const servers = await startServers(opening, mirror.kind, options);
  const { door } = servers;
  if (mirror.faults.length > 0) {
    const site = await siteOf(opening, { kind: mirror.kind, servers, options });
    const draw = createDraw(`${plan.seed} ${plan.number} ${index}`);
    for (const id of mirror.faults) faultOf(id).apply(site, draw);
  }
  return {
    kind: mirror.kind,
    host: `${door.host}:${door.port}`,
    endpoint: mirror.kind === "s3" ? `${door.url}${new URL(stock.emulator.endpoint).pathname}` : door.url,
    sourceOf: (file) => sourceOf(mirror.kind, door, file),
  };
}

/** Its part of a rate at which the whole world would take as long as planned. */
function optionsOf({ plan, stock, content }: Opening, { kind, share, latencyMs }: MirrorPlan): OriginOptions {
  const total = Object.values(content).reduce((sum, { length }) => sum + length, 0);
  const bytesPerSecond = Math.ceil(((total * share) / plan.idealMs) * 1_000);
  return { shape: { bytesPerSecond, latencyMs }, ...(kind === "https" ? { tls: stock.authority } : {}) };
}

async function startServers(opening: Opening, kind: MirrorKind, options: OriginOptions): Promise<Servers> {
  const { stock, content } = opening;
  if (kind === "hub") {
    const hub = await startWorldHub(content, options);
    const door = watch(opening, hub.origin, { own: SECRETS.hub, isContent: false });
    return { door, place: watch(opening, hub.cdn, { own: null, isContent: true }), hub };
  }
  if (kind === "s3") {
    const bytesAt = (path: string): Buffer | null => content[`/${path.split("/").at(-1)}`] ?? null;
    const front = await startS3Front(stock.emulator.endpoint, bytesAt, options);
    watch(opening, front, { own: null, isContent: true });
    return { door: front, place: front, hub: null };
  }
  const server = await startRangeServer(content, options);
  watch(opening, server, { own: SECRETS.host, isContent: true });
  return { door: server, place: server, hub: null };
}

function watch({ all }: Opening, origin: Origin, facts: Omit<Watched, "origin">): Origin {
  all.push({ origin, ...facts });
  return origin;
}

async function siteOf(
  opening: Opening,
  { kind, servers, options }: { readonly kind: MirrorKind; readonly servers: Servers; readonly options: OriginOptions },
): Promise<Site> {
  const { door, place, hub } = servers;
  const isWeb = kind === "http" || kind === "https";
  const away = async (more: OriginOptions): Promise<Origin> =>
    isWeb ? watch(opening, await startRangeServer(opening.content, more), { own: null, isContent: true }) : place;
  const { tls: _, ...plain } = options;
  return {
    kind,
    door,
    content: place,
    elsewhere: {
      otherHost: await away({ host: "127.0.0.3", ...options }),
      otherPort: await away(options),
      plain: await away(plain),
    },
    impostor: opening.stock.impostor,
    expireLinks: hub?.links.expireLinks ?? (() => undefined),
    add: (when, fault, { times = Infinity, at = place } = {}) => {
      at.faults.add(when, noting(opening, at, fault), times);
    },
  };
}

/** `fault`, remembering which requests it changed. */
function noting({ touched }: Opening, at: Origin, fault: Fault): Fault {
  return (reply, asked) => {
    const request = at.requests[asked.number - 1];
    if (request !== undefined) touched.add(request);
    return fault(reply, asked);
  };
}

function startWorldHub(content: Readonly<Record<string, Buffer>>, options: OriginOptions): Promise<Hub> {
  const files = Object.fromEntries(Object.entries(content).map(([path, bytes]) => [path.slice(1), bytes]));
  return startHub({
    repos: [{ name: REPO, files, isGated: true, granted: [SECRETS.hub] }],
    cdn: { host: "127.0.0.2", ...options },
  });
}

function sourceOf(kind: MirrorKind, door: Origin, stock: number): string {
  if (kind === "hub") return `hf://${REPO}/${keyOf(stock)}`;
  if (kind === "s3") return `s3://${BUCKET}/${keyOf(stock)}`;
  return `${door.url}/${keyOf(stock)}?sig=${SECRETS.query}`;
}
