/** What an error of the network means, in words for whoever runs the program; its code stands behind them. Pure. */
import { isModelsError, reasonOf } from "../base/errors.ts";

/** By the code of Node, of the system or of undici. Each completes `Cannot read "<address>": `. */
const MEANINGS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nobody listens there",
  ECONNRESET: "it broke the connection off",
  ECONNABORTED: "the connection was broken off",
  EPIPE: "it broke the connection off",
  ENOTCONN: "it broke the connection off",
  ETIMEDOUT: "no connection came about in time",
  EHOSTUNREACH: "no way leads to its address",
  EHOSTDOWN: "no way leads to its address",
  ENETUNREACH: "no way leads to its network",
  ENETDOWN: "this machine's network is down",
  EADDRNOTAVAIL: "this machine has no address or port left for a connection",
  EMFILE: "this process may open no more files and connections",
  ENFILE: "this machine may open no more files and connections",
  ENOTFOUND: "no name server knows its name",
  EAI_AGAIN: "the name server does not answer",
  EAI_FAIL: "the name server fails",
  UND_ERR_CONNECT_TIMEOUT: "no connection came about in time",
  UND_ERR_HEADERS_TIMEOUT: "it took the question and did not answer in time",
  UND_ERR_BODY_TIMEOUT: "it fell silent in the middle of its answer",
  UND_ERR_SOCKET: "it closed the connection early",
  UND_ERR_HEADERS_OVERFLOW: "the head of its answer is too long",
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: "its answer has another length than it says",
  CERT_HAS_EXPIRED: "its certificate has expired",
  CERT_NOT_YET_VALID: "its certificate is not valid yet",
  ERR_TLS_CERT_ALTNAME_INVALID: "its certificate is for another host",
};

/** Says of anything thrown while the network was used what it means. What has no words of ours keeps its own. */
export function networkReason(thrown: unknown): string {
  const error = thrown instanceof AggregateError ? (thrown.errors[0] ?? thrown) : thrown;
  const said = reasonOf(error);
  if (isModelsError(error)) return said;
  const code = codeOf(error);
  const meaning = meaningOf(code, error);
  if (meaning !== null) return `${meaning} (${code})`;
  return code === "" || said.includes(code) ? said : `${said} (${code})`;
}

/** True when the other side's certificate is what is wrong. */
export function isCertificateError(error: unknown): boolean {
  return /CERT|SELF_SIGNED|UNABLE_TO_(GET|VERIFY)/.test(codeOf(error));
}

/** The code of an error; empty where it has none. */
export function codeOf(error: unknown): string {
  return String((error as { readonly code?: unknown } | null | undefined)?.code ?? "");
}

function meaningOf(code: string, error: unknown): string | null {
  // What undici calls an answer with a status that it did not ask for, such as a 100 through a proxy.
  if (/^bad (response|upgrade)$/.test(reasonOf(error))) return "its answer is none to what it was asked";
  if (Object.hasOwn(MEANINGS, code)) return MEANINGS[code] ?? null;
  if (isCertificateError(error)) return "its certificate is not trusted";
  if (code.startsWith("HPE_")) return "its answer is not HTTP as it should be";
  return code === "EPROTO" || code.startsWith("ERR_SSL_") ? tlsMeaning(error) : null;
}

/** OpenSSL tells a thread, a number, a function and a file; only its reason says something. */
function tlsMeaning(error: unknown): string {
  const { reason } = error as { readonly reason?: unknown };
  const said = typeof reason === "string" ? reason : (/SSL routines:[^:]*:([^:\n]+)/.exec(reasonOf(error))?.[1] ?? "");
  if (/wrong version number|packet length too long|http request/.test(said)) return "it does not speak TLS there";
  return `TLS failed${said === "" ? "" : `, ${said}`}`;
}
