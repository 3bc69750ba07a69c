/** Certificates for loopback origins, made at run time by an authority that lives as long as the test. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { generate } from "selfsigned";

interface Certificate {
  readonly key: string;
  readonly cert: string;
}

export interface Authority {
  /** PEM, for a client's list of trusted authorities. */
  readonly ca: string;
  /** Writes the PEM into `folder` and gives its path, as `NODE_EXTRA_CA_CERTS` and `curl --cacert` want it. */
  readonly writeTo: (folder: string) => Promise<string>;
  /** A server certificate for these addresses and names. */
  readonly certify: (hosts: readonly string[]) => Promise<Certificate>;
}

const EC = { keyType: "ec", curve: "P-256", algorithm: "sha256" } as const;
const isAddress = (host: string): boolean => /^[\d.]+$|:/.test(host);

/** A new authority; nobody trusts it until told to. Who trusts two of them needs two names. */
export async function createAuthority(name: string = "modelferry test authority"): Promise<Authority> {
  const root = await generate([{ name: "commonName", value: name }], {
    ...EC,
    extensions: [
      { name: "basicConstraints", cA: true, critical: true },
      { name: "keyUsage", keyCertSign: true, cRLSign: true, critical: true },
    ],
  });
  return {
    ca: root.cert,
    writeTo: async (folder) => {
      const path = join(folder, "ca.pem");
      await writeFile(path, root.cert);
      return path;
    },
    certify: async (hosts) => {
      const made = await generate([{ name: "commonName", value: hosts[0] ?? "localhost" }], {
        ...EC,
        ca: { key: root.private, cert: root.cert },
        extensions: [
          { name: "basicConstraints", cA: false, critical: true },
          { name: "keyUsage", digitalSignature: true, critical: true },
          { name: "extKeyUsage", serverAuth: true },
          {
            name: "subjectAltName",
            altNames: hosts.map((host) => (isAddress(host) ? { type: 7, ip: host } : { type: 2, value: host })),
          },
        ],
      });
      return { key: made.private, cert: made.cert };
    },
  };
}
