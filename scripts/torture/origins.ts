/** The servers of one world: its mirrors with their faults in place, and the hosts to which redirects lead. */
import { BUCKET } from "../../tests/origins/emulator.ts";
import {
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

export const REPO = "torture/weights";

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
  const opening = createOpening(plan, stock);
  const mirrors: WorldMirror[] = [];
  for (const [index, mirror] of plan.mirrors.entries()) mirrors.push(await opening.mirror(mirror, index));
  return { mirrors, ...opening.done };
}

interface Opening {
  readonly mirror: (plan: MirrorPlan, index: number) => Promise<WorldMirror>;
  readonly done: Omit<WorldOrigins, "mirrors">;
}

function createOpening(plan: WorldPlan, stock: Stock): Opening {
  const all: Watched[] = [];
  const touched = new Set<LoggedRequest>();
  const total = plan.files.reduce((sum, { stock: index }) => sum + (stock.files[index]?.bytes.length ?? 0), 0);
  const content = Object.fromEntries(
    plan.files.map(({ stock: index }) => [`/${keyOf(index)}`, stock.files[index]?.bytes ?? Buffer.alloc(0)]),
  );
  const watch = (origin: Origin, own: string | null, isContent = true): Origin => {
    all.push({ origin, own, isContent });
    return origin;
  };
  const away = async (options: OriginOptions): Promise<Origin> => watch(await startRangeServer(content, options), null);

  const mirror = async (one: MirrorPlan, index: number): Promise<WorldMirror> => {
    const bytesPerSecond = Math.ceil(((total * one.share) / plan.idealMs) * 1_000);
    const shape = { bytesPerSecond, latencyMs: one.latencyMs };
    const tls = one.kind === "https" ? { tls: stock.authority } : {};
    const options = { shape, ...tls };
    const hub = one.kind === "hub" ? await startWorldHub(content, options) : null;
    const host = one.kind === "http" || one.kind === "https" ? SECRETS.host : null;
    const door =
      hub !== null
        ? watch(hub.origin, SECRETS.hub, false)
        : one.kind === "s3"
          ? watch(
              await startS3Front(
                stock.emulator.endpoint,
                (path) => content[`/${path.split("/").at(-1)}`] ?? null,
                options,
              ),
              null,
            )
          : watch(await startRangeServer(content, options), host);
    const place = hub === null ? door : watch(hub.cdn, null);
    const draw = createDraw(`${plan.seed} ${plan.number} ${index}`);
    if (one.faults.length > 0) {
      const needsAway = one.kind === "http" || one.kind === "https";
      const otherHost = needsAway ? await away({ host: "127.0.0.3", ...options }) : place;
      const otherPort = needsAway ? await away(options) : place;
      const plain = needsAway ? await away({ shape }) : place;
      const site: Site = {
        kind: one.kind,
        door,
        content: place,
        elsewhere: { otherHost, otherPort, plain },
        impostor: stock.impostor,
        expireLinks: hub?.links.expireLinks ?? (() => undefined),
        add: (when, fault, { times = Infinity, at = place } = {}) => {
          const noted: typeof fault = (reply, asked) => {
            const request = at.requests[asked.number - 1];
            if (request !== undefined) touched.add(request);
            return fault(reply, asked);
          };
          at.faults.add(when, noted, times);
        },
      };
      for (const id of one.faults) faultOf(id).apply(site, draw);
    }
    return {
      kind: one.kind,
      host: `${door.host}:${door.port}`,
      endpoint: endpointOf(one.kind, door, stock),
      sourceOf: (index) => sourceOf(one.kind, door, index),
    };
  };
  return {
    mirror,
    done: {
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
    },
  };
}

function startWorldHub(content: Readonly<Record<string, Buffer>>, options: OriginOptions): Promise<Hub> {
  const files = Object.fromEntries(Object.entries(content).map(([path, bytes]) => [path.slice(1), bytes]));
  return startHub({
    repos: [{ name: REPO, files, isGated: true, granted: [SECRETS.hub] }],
    cdn: { host: "127.0.0.2", ...options },
  });
}

function endpointOf(kind: MirrorKind, door: Origin, stock: Stock): string {
  return kind === "s3" ? `${door.url}${new URL(stock.emulator.endpoint).pathname}` : door.url;
}

function sourceOf(kind: MirrorKind, door: Origin, stock: number): string {
  if (kind === "hub") return `hf://${REPO}/${keyOf(stock)}`;
  if (kind === "s3") return `s3://${BUCKET}/${keyOf(stock)}`;
  return `${door.url}/${keyOf(stock)}?sig=${SECRETS.query}`;
}
