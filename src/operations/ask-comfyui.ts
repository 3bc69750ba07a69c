/** Asks a running ComfyUI what its nodes load and which files it sees: `/object_info`, `/models`, `/experiment/models`. */
import type { Clock } from "../base/clock.ts";
import { ModelsError } from "../base/errors.ts";
import { mapLimit } from "../base/flow.ts";
import { packageVersion } from "../base/version.ts";
import type { Settings } from "../settings.ts";
import { credentialFor } from "../sources/credentials.ts";
import { parseJson } from "../workflow/json.ts";
import { readServer, type Server } from "../workflow/server.ts";

/** A server with hundreds of custom nodes and thousands of files answers with tens of megabytes, and takes its time. */
const MAX_BYTES = 256 * 1024 * 1024;
const DEADLINE_MS = 180_000;
const PARALLEL = 4;
const MAX_KINDS = 1000;

/**
 * Asks once for everything.
 * @param address without a trailing slash
 * @throws ModelsError `MIRROR_FAILED` and its kin when no ComfyUI answers there
 */
export async function askComfyui(
  settings: Pick<Settings, "caFile" | "proxy" | "hosts">,
  address: string,
  clock: Clock,
): Promise<Server & { readonly address: string }> {
  const { caFile, proxy, hosts } = settings;
  const { createHttp } = await import("../net/http.ts");
  const userAgent = `modelferry/${packageVersion()}`;
  const http = createHttp({ caFile, proxy, userAgent }, { clock, report: () => undefined });
  const credential = credentialFor(address, hosts);
  const get = async (path: string): Promise<unknown> => {
    const url = `${address}${path}`;
    const { status, body } = await http.request({ url, credential, maxBytes: MAX_BYTES, deadlineMs: DEADLINE_MS });
    if (status === 404) return null;
    if (status !== 200) throw failed(url, `it answers ${status}`);
    return parsed(url, body);
  };
  try {
    return { address, ...(await readAnswers(get, address)) };
  } finally {
    await http.close();
  }
}

async function readAnswers(get: (path: string) => Promise<unknown>, address: string): Promise<Server> {
  const [objectInfo, kinds, folders] = await Promise.all([
    get("/object_info"),
    get("/models"),
    get("/experiment/models"),
  ]);
  if (typeof objectInfo !== "object" || objectInfo === null || !Array.isArray(kinds)) {
    throw failed(`${address}/object_info`, "what answers is no ComfyUI");
  }
  const known = kinds.filter((kind) => typeof kind === "string").slice(0, MAX_KINDS);
  const lists = await mapLimit(known, PARALLEL, (kind) => get(`/models/${encodeURIComponent(kind)}`));
  return readServer({ objectInfo, folders, names: new Map(known.map((kind, index) => [kind, lists[index]])) });
}

function parsed(url: string, body: Uint8Array): unknown {
  try {
    return parseJson(Buffer.from(body).toString("utf8"));
  } catch {
    throw failed(url, "its answer is no JSON");
  }
}

function failed(url: string, seen: string): ModelsError {
  return new ModelsError("MIRROR_FAILED", `Cannot ask ComfyUI at "${url}": ${seen}`, {
    fix: "give the address of a running ComfyUI, such as http://127.0.0.1:8188",
  });
}
