/** Fetches a workflow from an address: a graph, or a picture or film that holds one. */
import type { Clock } from "../base/clock.ts";
import { ModelsError } from "../base/errors.ts";
import { redactUrl } from "../base/secret.ts";
import { packageVersion } from "../base/version.ts";
import type { Settings } from "../settings.ts";
import { credentialFor } from "../sources/credentials.ts";
import { MAX_WORKFLOW_BYTES } from "../workflow/workflow.ts";

/**
 * The bytes at `url`, with the credential that is configured for its host.
 * @throws ModelsError `WORKFLOW_INVALID` when there is none, and whatever the network throws
 */
export async function fetchWorkflow(
  settings: Pick<Settings, "caFile" | "proxy" | "hosts">,
  url: string,
  clock: Clock,
): Promise<Uint8Array> {
  const { caFile, proxy, hosts } = settings;
  const { createHttp } = await import("../net/http.ts");
  const userAgent = `modelferry/${packageVersion()}`;
  const http = createHttp({ caFile, proxy, userAgent }, { clock, report: () => undefined });
  try {
    const credential = credentialFor(url, hosts);
    const { status, body } = await http.request({ url, credential, maxBytes: MAX_WORKFLOW_BYTES });
    if (status === 200) return body;
    throw new ModelsError("WORKFLOW_INVALID", `Cannot read workflow "${redactUrl(url)}": its host answers ${status}`, {
      fix: "check the address, or name its host and a token under hosts in models.config.yaml",
    });
  } finally {
    await http.close();
  }
}
