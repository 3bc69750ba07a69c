/** What all worlds share, made once: the files, the bucket in which they lie, certificates, a server nobody trusts. */
import { createHash } from "node:crypto";
import { parseSha256, type Sha256 } from "../../src/base/artifact.ts";
import { openDesk } from "../../tests/net/s3-harness.ts";
import { type Emulator, startEmulator } from "../../tests/origins/emulator.ts";
import {
  type Authority,
  bytesOf,
  createAuthority,
  makeSafetensors,
  notFound,
  type Origin,
  startOrigin,
} from "../../tests/origins/index.ts";
import { SECRETS } from "./secrets.ts";
import { LARGE_STOCK, STOCK_BYTES } from "./world.ts";

export interface StockFile {
  readonly sha256: Sha256;
  readonly bytes: Buffer;
}

export interface Stock extends AsyncDisposable {
  readonly files: readonly StockFile[];
  readonly emulator: Emulator;
  readonly authority: Authority;
  /** Its certificate is of another authority. */
  readonly impostor: Origin;
}

/** The key of a file in the bucket. */
export const keyOf = (stock: number): string => `weights-${stock}.safetensors`;

/** @param count how many of the files are made, the smallest first */
export async function openStock(count: number = STOCK_BYTES.length): Promise<Stock> {
  const files = await Promise.all(STOCK_BYTES.slice(0, count).map(makeFile));
  const emulator = await startEmulator(SECRETS.s3);
  await fill(emulator, files);
  const impostor = await startOrigin(() => notFound(), { tls: await createAuthority("an authority nobody knows") });
  return {
    files,
    emulator,
    authority: rememberCertificates(await createAuthority()),
    impostor,
    [Symbol.asyncDispose]: async () => {
      await impostor.close();
      await emulator[Symbol.asyncDispose]();
    },
  };
}

async function makeFile(size: number): Promise<StockFile> {
  const bytes = await bytesOf(makeSafetensors({ size, seed: `torture ${size}` }));
  return { bytes, sha256: parseSha256(createHash("sha256").update(bytes).digest("hex")) };
}

async function fill(emulator: Emulator, files: readonly StockFile[]): Promise<void> {
  await using desk = openDesk(emulator.access());
  for (const [index, { bytes }] of files.slice(0, LARGE_STOCK).entries()) {
    const md5 = createHash("md5").update(bytes).digest("hex");
    const object = {
      key: keyOf(index),
      bytes,
      md5,
      metadata: {},
      contentType: "binary/octet-stream",
      cacheControl: null,
    };
    await desk.store.put(object, { kind: "any" });
  }
}

/** Hundreds of servers have the same few names: one certificate does for all of them. */
function rememberCertificates(authority: Authority): Authority {
  const known = new Map<string, ReturnType<Authority["certify"]>>();
  return {
    ...authority,
    certify: (hosts) => {
      const key = hosts.join(" ");
      const made = known.get(key) ?? authority.certify(hosts);
      known.set(key, made);
      return made;
    },
  };
}
