/** What a text at an address may be, such as a manifest: where it may lie, and how it is read. */
import { ModelsError } from "../base/errors.ts";
import { redactUrl } from "../base/secret.ts";
import type { HttpAnswer } from "./http.ts";

/**
 * Only secure addresses, and those of the own network.
 * @throws ModelsError `SOURCE_INVALID`
 */
export async function assertTextUrl(
  url: string,
  leadsToPrivate: (hostname: string) => Promise<boolean>,
): Promise<void> {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  if (parsed?.protocol === "https:") return;
  if (parsed?.protocol === "http:" && (await leadsToPrivate(parsed.hostname))) return;
  throw new ModelsError("SOURCE_INVALID", `Cannot read "${redactUrl(url)}": expected an https:// address`, {
    fix: "write https://; plain http is for hosts in your own network",
  });
}

/**
 * The text that `answer` holds, byte for byte: also a byte order mark stays, since a signature covers it.
 * @throws ModelsError `SOURCE_NOT_FOUND`, `SOURCE_UNAUTHORIZED`, `MIRROR_FAILED`
 */
export function textOf(answer: Pick<HttpAnswer, "url" | "status" | "body">, url: string): string {
  const [shown, host] = [redactUrl(url), new URL(answer.url).host];
  const fail = (code: "SOURCE_NOT_FOUND" | "SOURCE_UNAUTHORIZED" | "MIRROR_FAILED", expected: string): ModelsError =>
    new ModelsError(code, `Cannot read "${shown}": ${host} answers ${answer.status}, ${expected}`);
  if (answer.status === 404 || answer.status === 410 || answer.status === 451)
    throw fail("SOURCE_NOT_FOUND", "it is not there");
  if (answer.status === 401 || answer.status === 403) throw fail("SOURCE_UNAUTHORIZED", "it wants another credential");
  if (answer.status !== 200) throw fail("MIRROR_FAILED", "expected 200");
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(answer.body);
  } catch (cause) {
    throw new ModelsError("MIRROR_FAILED", `Cannot read "${shown}": it is not UTF-8 text`, { cause });
  }
}
