/** What a TLS connection trusts: the built-in authorities, those of `NODE_EXTRA_CA_CERTS`, and those a person names. */
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { createSecureContext, rootCertificates, type SecureContext } from "node:tls";
import { variableOf } from "../base/environment.ts";
import { type Environment, processEnvironment } from "../base/process.ts";

/**
 * The context for verifying servers. Node adds the file of `NODE_EXTRA_CA_CERTS` only to its own default list, so
 * as soon as `extraCa` (PEM) asks for a list of ours, that file is read again.
 * @throws Error when `extraCa` holds a certificate that cannot be read
 */
export function trustContext(extraCa: string | null, environment: Environment = processEnvironment()): SecureContext {
  if (extraCa === null) return createSecureContext();
  return createSecureContext({
    ca: [...rootCertificates, ...environmentCertificates(environment), ...certificatesIn(extraCa)],
  });
}

/** As Node itself does it: a file that cannot be read adds nothing. */
function environmentCertificates(environment: Environment): readonly string[] {
  const path = variableOf(environment, "NODE_EXTRA_CA_CERTS");
  try {
    return path === null ? [] : certificatesIn(readFileSync(path, "utf8"));
  } catch {
    return [];
  }
}

/** Each certificate of a PEM text. OpenSSL passes over one that it cannot read without a word, so each is read here. */
function certificatesIn(pem: string): readonly string[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  return blocks.map((block) => new X509Certificate(block).toString());
}
