import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type SecureContext } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { trustContext } from "../../src/net/trust.ts";
import { type Authority, createAuthority, type RangeServer, startRangeServer } from "../origins/index.ts";

let folder: string;
let [own, other]: Authority[] = [];
let servers: readonly RangeServer[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "modelferry-trust-"));
  [own, other] = [await createAuthority("own"), await createAuthority("other")];
  servers = [await startRangeServer({}, { tls: own }), await startRangeServer({}, { tls: other })];
});
afterAll(async () => {
  for (const server of servers) await server.close();
  await rm(folder, { recursive: true });
});

/** Whether each server is trusted. */
function trusts(secureContext: SecureContext): Promise<readonly boolean[]> {
  const asked = servers.map(
    ({ host, port }) =>
      new Promise<boolean>((resolve) => {
        const socket = connect({ host, port, secureContext }, () => resolve(true));
        socket.on("error", () => resolve(false)).on("secureConnect", () => socket.destroy());
      }),
  );
  return Promise.all(asked);
}

describe("trustContext()", () => {
  it("trusts the built-in authorities alone when nothing is named", async () => {
    expect(await trusts(trustContext(null, {}))).toEqual([false, false]);
  });

  it("trusts what a person names", async () => {
    expect(await trusts(trustContext(own?.ca ?? "", {}))).toEqual([true, false]);
  });

  it("goes on trusting NODE_EXTRA_CA_CERTS when a person names another authority", async () => {
    const path = await other?.writeTo(folder);
    expect(await trusts(trustContext(own?.ca ?? "", { NODE_EXTRA_CA_CERTS: path }))).toEqual([true, true]);
  });

  it("is not stopped by a NODE_EXTRA_CA_CERTS that holds nothing, as Node is not", async () => {
    const garbage = join(folder, "garbage.pem");
    await writeFile(garbage, "-----BEGIN CERTIFICATE-----\nno\n-----END CERTIFICATE-----\n");
    for (const path of [join(folder, "missing"), folder, garbage]) {
      expect(await trusts(trustContext(own?.ca ?? "", { NODE_EXTRA_CA_CERTS: path }))).toEqual([true, false]);
    }
  });

  it("throws for a certificate of a person's that cannot be read", () => {
    expect(() => trustContext("-----BEGIN CERTIFICATE-----\nno\n-----END CERTIFICATE-----\n", {})).toThrow();
  });
});
