/** Receipts: written whole, believed only when whole. */
import { mkdir, readFile, symlink, truncate, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseTreePath } from "../../src/base/paths.ts";
import { isReceiptFor, parseReceipt, type Receipt, readReceipt, writeReceipt } from "../../src/tree/receipt.ts";
import { seal } from "../../src/tree/sealed.ts";
import { createBench, makeHome, sha256Of } from "./support.ts";

const path = parseTreePath("loras/style.safetensors");
const receipt: Receipt = {
  path,
  sha256: sha256Of("a"),
  shouldBe: null,
  size: 12,
  mtimeNs: 1_763_700_000_123_456_789n,
  inode: 18_446_744_073_709_551_615n,
  dev: 66n,
  verifiedAt: 1_763_700_000_000,
  mirrors: ["huggingface.co", "r2"],
  how: "fetched",
  aliases: [parseTreePath("unet/style.safetensors")],
};

describe("isReceiptFor()", () => {
  const moved = { ...receipt, inode: 7n, dev: 9n };

  it("knows the file by size, time and inode, whatever number its device has after a mount", () => {
    expect(isReceiptFor(receipt, { ...receipt, dev: 9n })).toBe(true);
    expect(isReceiptFor(receipt, { ...receipt, inode: 7n })).toBe(false);
    expect(isReceiptFor(receipt, { ...receipt, mtimeNs: receipt.mtimeNs + 1n })).toBe(false);
  });

  it("believes a tree that was copied to another disk with its times, as an image layer keeps them", () => {
    expect(isReceiptFor(receipt, moved)).toBe(true);
    expect(isReceiptFor(receipt, { ...moved, mtimeNs: 1_763_700_000_000_000_000n })).toBe(true);
    expect(isReceiptFor(receipt, { ...moved, mtimeNs: 1_763_700_001_000_000_000n })).toBe(false);
    expect(isReceiptFor(receipt, { ...moved, size: 13 })).toBe(false);
  });
});

describe("writeReceipt()", () => {
  it("gives back every field, with 64-bit numbers whole", async () => {
    const { parts } = await createBench();
    await writeReceipt(parts, receipt);
    expect(await readReceipt(parts.layout, path)).toEqual(receipt);
    await writeReceipt(parts, { ...receipt, shouldBe: sha256Of("b") });
    expect((await readReceipt(parts.layout, path))?.shouldBe).toBe(sha256Of("b"));
  });

  it("keeps the receipts of awkward names apart", async () => {
    const { parts } = await createBench();
    const long = `${"n".repeat(252)}`;
    const paths = ["a", "a.json/b", "A.JSON/c", long, `${long}x`, `deep/${long}`].map(parseTreePath);
    for (const [index, one] of paths.entries()) await writeReceipt(parts, { ...receipt, path: one, size: index });
    const sizes = await Promise.all(paths.map(async (one) => (await readReceipt(parts.layout, one))?.size));
    expect(sizes).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it("refuses a state folder that is a link to elsewhere", async () => {
    const { parts, root } = await createBench();
    const elsewhere = await makeHome();
    await mkdir(root, { recursive: true });
    await symlink(elsewhere, `${root}/.modelferry`);
    await expect(writeReceipt(parts, receipt)).rejects.toMatchObject({ code: "PATH_UNSAFE" });
  });
});

describe("readReceipt()", () => {
  it("takes a torn, changed or moved receipt for none", async () => {
    const { parts } = await createBench();
    await writeReceipt(parts, receipt);
    const file = parts.layout.receiptOf(path);
    const text = await readFile(file, "utf8");
    for (let length = 0; length < text.length; length += 7) {
      await truncate(file, length);
      expect(await readReceipt(parts.layout, path)).toBeNull();
      await writeFile(file, text);
    }
    await writeFile(file, text.replace('"size":12', '"size":13'));
    expect(await readReceipt(parts.layout, path)).toBeNull();
    const other = parseTreePath("loras/other.safetensors");
    await writeFile(parts.layout.receiptOf(other), text);
    expect(await readReceipt(parts.layout, other)).toBeNull();
  });

  it("takes a folder, a link and a huge file in its place for none", async () => {
    const { parts, write, home } = await createBench();
    const file = parts.layout.receiptOf(path);
    await mkdir(file, { recursive: true });
    expect(await readReceipt(parts.layout, path)).toBeNull();
    const linked = parseTreePath("loras/linked.safetensors");
    const target = await write(`${home}/receipt.json`, seal({ version: 1 }));
    await symlink(target, parts.layout.receiptOf(linked));
    expect(await readReceipt(parts.layout, linked)).toBeNull();
    const huge = parseTreePath("vae/huge.safetensors");
    await mkdir(dirname(parts.layout.receiptOf(huge)), { recursive: true });
    await writeFile(parts.layout.receiptOf(huge), "x");
    await truncate(parts.layout.receiptOf(huge), 5 * 1024 ** 3);
    expect(await readReceipt(parts.layout, huge)).toBeNull();
  });
});

describe("parseReceipt()", () => {
  it("never throws and never believes garbage", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json(),
          fc.string().map((text) => `{"content":{${text}},"seal":""}\n`),
        ),
        (text) => {
          expect(parseReceipt(text, path)).toBeNull();
        },
      ),
    );
  });

  it("never believes a sealed receipt with a field of the wrong kind", () => {
    const { mtimeNs, inode, dev, ...rest } = receipt;
    const whole = { version: 1, ...rest, shouldBe: undefined, mtimeNs: `${mtimeNs}`, inode: `${inode}`, dev: `${dev}` };
    expect(parseReceipt(seal(whole), path)).toEqual(receipt);
    const fields = Object.keys(whole).filter((key) => key !== "shouldBe" && key !== "dev");
    fc.assert(
      fc.property(fc.constantFrom(...fields), fc.jsonValue(), (field, value) => {
        const right: unknown = whole[field as keyof typeof whole];
        fc.pre(typeof value !== typeof right || value === null || field === "version");
        fc.pre(value !== right);
        expect(parseReceipt(seal({ ...whole, [field]: value }), path)).toBeNull();
      }),
    );
    for (const field of fields) expect(parseReceipt(seal({ ...whole, [field]: undefined }), path)).toBeNull();
  });

  it("never believes a receipt with any one character changed", () => {
    const { mtimeNs, inode, dev, ...rest } = receipt;
    const text = seal({ version: 1, ...rest, mtimeNs: `${mtimeNs}`, inode: `${inode}`, dev: `${dev}` });
    fc.assert(
      fc.property(
        fc.nat(text.length - 1),
        fc.string({ unit: "binary-ascii", minLength: 1, maxLength: 1 }),
        (at, one) => {
          fc.pre(text[at] !== one);
          expect(parseReceipt(text.slice(0, at) + one + text.slice(at + 1), path)).toBeNull();
        },
      ),
    );
  });
});
