/** What the network says: names, mirrors, ranges, rates, tokens and clocks, asked with the real requests. */
import { formatDuration, formatRate } from "../base/bytes.ts";
import { isModelsError, reasonOf } from "../base/errors.ts";
import type { Mirror } from "../base/mirror.ts";
import { packageVersion } from "../base/version.ts";
import type { Model } from "../catalog/model.ts";
import type { Http } from "../net/http.ts";
import { createMemoryReader, type MemoryReader } from "../net/memory-reader.ts";
import { lookupHost } from "../net/resolver.ts";
import { createSources } from "../sources/index.ts";
import { expandTemplate } from "../sources/template.ts";
import type { Diagnosis, DoctorPorts } from "./doctor.ts";
import { openControlPlane } from "./open-network.ts";

interface Examination extends DoctorPorts {
  readonly signal: AbortSignal;
  readonly add: (finding: Diagnosis) => void;
  readonly http: Http;
  readonly reader: MemoryReader;
  readonly mirrorOf: (model: Model, source: string) => Promise<Mirror>;
}

/** Signed requests are refused when a clock is further off (S3's `RequestTimeTooSkewed` begins at 15 minutes). */
const MOST_SKEW_MS = 5 * 60_000;
/** How much is read to tell a rate. */
const RATE_BYTES = 8 * 1024 * 1024;
const PATIENCE_MS = 20_000;
const about = "network";

/** Asks the Hub and every configured mirror; each answer is a finding. */
export async function examineNetwork(
  ports: DoctorPorts,
  { signal, add }: Pick<Examination, "signal" | "add">,
): Promise<void> {
  const { settings, clock } = ports;
  const { caFile, proxy } = settings;
  const { http, s3 } = await openControlPlane(settings, clock, () => undefined);
  const reader = createMemoryReader({ caFile, proxy, userAgent: `modelferry/${packageVersion()}` }, clock);
  const sources = createSources({ ...settings, mirrors: [] }, { http, s3, clock, pace: async () => undefined });
  const mirrorOf: Examination["mirrorOf"] = async (model, source) => {
    const refusals: unknown[] = [];
    const onDropped = (_source: string, _label: string, error: unknown): void => void refusals.push(error);
    const wanted = { ...model, sources: [source], allowPickle: true };
    const found = await sources.mirrorsOf(wanted, { signal, onDropped }).catch((error: unknown) => {
      refusals.push(error);
      return [];
    });
    const [mirror] = found;
    if (mirror !== undefined) return mirror;
    throw refusals[0] ?? new Error("it has no such file");
  };
  const examination = { ...ports, signal, add, http, reader, mirrorOf };
  try {
    if (settings.hub.isOffline) add({ about, name: "the Hub", status: "ok", says: "HF_HUB_OFFLINE is set: not asked" });
    else await examineHub(examination);
    for (const { name, template } of settings.mirrors) await examineMirror(examination, name, template);
  } finally {
    await Promise.all([http.close(), reader.close()]);
  }
}

async function examineHub(examination: Examination): Promise<void> {
  const { settings, models, signal, http, add } = examination;
  const { endpoint, token } = settings.hub;
  const name = new URL(endpoint).host;
  if (!(await examineHost(examination, endpoint))) return;
  if (token !== null) {
    const credential = { origin: new URL(endpoint).origin, headers: { authorization: `Bearer ${token.reveal()}` } };
    const asked = { url: `${endpoint}/api/whoami-v2`, credential, signal, deadlineMs: PATIENCE_MS };
    const status = await http.request(asked).then(
      (answer) => answer.status,
      () => null,
    );
    if (status === 200) add({ about, name: `${name}: HF_TOKEN`, status: "ok", says: "accepted" });
    else {
      const says = status === null ? "could not be asked about" : `refused with ${status}`;
      add({
        about,
        name: `${name}: HF_TOKEN`,
        status: "bad",
        says,
        fix: "make a new token with read access, or unset it",
      });
    }
  }
  const model = models.find(({ gated, sources }) => !gated && sources.some(isHub));
  const source = model?.sources.find(isHub);
  if (model !== undefined && source !== undefined) await examineFile(examination, name, { model, source });
}

const isHub = (source: string): boolean => source.startsWith("hf://");

async function examineMirror(examination: Examination, name: string, template: string): Promise<void> {
  const { models, add } = examination;
  if (/^https?:/i.test(template) && !(await examineHost(examination, template))) return;
  for (const model of models) {
    const source = expandTemplate(template, model);
    if (source !== null) return await examineFile(examination, name, { model, source });
  }
  add({ about, name, status: "warn", says: "no model of the catalogue can be asked for", fix: "check its template" });
}

/** Whether the name resolves and somebody answers there, whatever he answers; how far his clock is from ours. */
async function examineHost({ http, clock, signal, add }: Examination, url: string): Promise<boolean> {
  const { hostname, host, origin } = new URL(url.replaceAll(/[{}]/g, ""));
  try {
    const { addresses, elapsedMs } = await lookupHost(hostname, clock);
    const kinds = [
      addresses.some((one) => !one.includes(":")) && "IPv4",
      addresses.some((one) => one.includes(":")) && "IPv6",
    ];
    const says = `${addresses.length} addresses (${kinds.filter(Boolean).join(", ")}) in ${formatDuration(elapsedMs)}`;
    add({
      about,
      name: `${host}: DNS`,
      status: elapsedMs > 2000 ? "warn" : "ok",
      says,
      ...(elapsedMs > 2000 && { fix: "use a nearer resolver" }),
    });
  } catch (error) {
    add({
      about,
      name: `${host}: DNS`,
      status: "bad",
      says: reasonOf(error),
      fix: "check the name, and this box's resolver",
    });
    return false;
  }
  const startedMs = clock.monotonicMs();
  try {
    const answer = await http.request({
      url: `${origin}/`,
      method: "HEAD",
      redirect: "manual",
      signal,
      deadlineMs: PATIENCE_MS,
    });
    const took = formatDuration(clock.monotonicMs() - startedMs);
    add({ about, name: host, status: "ok", says: `answers ${answer.status} in ${took}` });
    judgeClock({ clock, add }, host, answer.headers["date"]);
    return true;
  } catch (error) {
    signal.throwIfAborted();
    const fix = (isModelsError(error) ? error.fix : undefined) ?? "check the address, the proxy and the firewall";
    add({ about, name: host, status: "bad", says: reasonOf(error), fix });
    return false;
  }
}

function judgeClock({ clock, add }: Pick<Examination, "clock" | "add">, host: string, date: string | undefined): void {
  const theirs = Date.parse(date ?? "");
  if (Number.isNaN(theirs)) return;
  const skewMs = Math.abs(clock.now() - theirs);
  const says = `${formatDuration(skewMs)} apart from ${host}`;
  if (skewMs <= MOST_SKEW_MS) add({ about, name: "clock", status: "ok", says });
  else
    add({
      about,
      name: "clock",
      status: "bad",
      says,
      fix: "set this box's clock (ntp): signed requests and certificates fail",
    });
}

/** A real file, asked for as a sync does: found, in ranges, how fast over one connection. */
async function examineFile(
  { mirrorOf, reader, clock, signal, add }: Examination,
  name: string,
  { model, source }: { readonly model: Model; readonly source: string },
): Promise<void> {
  try {
    const mirror = await mirrorOf(model, source);
    const endpoint = await mirror.open(signal);
    const hasRanges = endpoint.kind === "file" || endpoint.hasRanges;
    add(
      hasRanges
        ? { about, name: `${name}: ranges`, status: "ok", says: `yes, with ${model.name}` }
        : {
            about,
            name: `${name}: ranges`,
            status: "warn",
            says: "no: one connection, no resuming",
            fix: "serve it from a host with ranges",
          },
    );
    const end = Math.min(mirror.size, RATE_BYTES);
    const startedMs = clock.monotonicMs();
    const into = new Uint8Array(end);
    const failure = await reader.read({
      endpoint,
      start: 0,
      end,
      size: mirror.size,
      into,
      signal,
      onReceived: () => undefined,
    });
    const rate = formatRate((end / Math.max(1, clock.monotonicMs() - startedMs)) * 1000);
    if (failure === null) add({ about, name: `${name}: rate`, status: "ok", says: `${rate} over one connection` });
    else
      add({
        about,
        name: `${name}: rate`,
        status: "bad",
        says: failure.message,
        fix: "try again; a sync uses other mirrors meanwhile",
      });
  } catch (error) {
    signal.throwIfAborted();
    const fix =
      (isModelsError(error) ? error.fix : undefined) ?? "publish it there, or take the mirror out of the config";
    add({ about, name: `${name}: ${model.name}`, status: "warn", says: reasonOf(error), fix });
  }
}
