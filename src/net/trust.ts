/** What a TLS connection trusts: the built-in authorities, those of `NODE_EXTRA_CA_CERTS`, and those a person names. */
import { readFileSync } from "node:fs";
import { createSecureContext, rootCertificates, type SecureContext } from "node:tls";
import { variableOf } from "../base/environment.ts";
import { type Environment, processEnvironment } from "../base/process.ts";

/**
 * The context for verifying servers. Node adds the file of `NODE_EXTRA_CA_CERTS` only to its own default list, so
 * as soon as `extraCa` (PEM) asks for a list of ours, that file is read again.
 */
export function trustContext(extraCa: string | null, environment: Environment = processEnvironment()): SecureContext {
  if (extraCa === null) return createSecureContext();
  return createSecureContext({ ca: [...rootCertificates, ...environmentCa(environment), extraCa] });
}

/** As Node itself does it: a file that cannot be read, or holds no certificate, adds nothing. */
function environmentCa(environment: Environment): readonly string[] {
  const path = variableOf(environment, "NODE_EXTRA_CA_CERTS");
  if (path === null) return [];
  try {
    const text = readFileSync(path, "utf8");
    createSecureContext({ ca: text });
    return [text];
  } catch {
    return [];
  }
}
