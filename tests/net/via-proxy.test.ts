/** What goes through a proxy beside plain reads: the SDK's requests, and failures in its words. */
import { describe, expect, it } from "vitest";
import { startEmulator } from "../origins/emulator.ts";
import { startProxy } from "../origins/index.ts";
import { FACTS, listed, md5Of, object, openDeskVia } from "./s3-harness.ts";

const bytes = Buffer.alloc(5 * 1024 * 1024, 7);
const named = { kind: "r2", bucket: "kits" } as const;

describe("viaProxy() under the AWS SDK", () => {
  it("writes, lists and uploads in parts in absolute form, as it was signed", async () => {
    await using emulator = await startEmulator();
    await using proxy = await startProxy({ credential: "user:pass", tunnelStatus: 403 });
    const http = { name: "http_proxy", value: proxy.url.replace("//", "//user:pass@") };
    await using desk = openDeskVia({ http, https: null, none: null }, emulator.access(), named);
    const key = "loras/a b+c.safetensors";
    expect(await desk.store.put(object(key, bytes), { kind: "absent" })).toBe(md5Of(bytes));
    expect(await listed(desk.store)).toEqual([key]);
    expect(await desk.uploads.begin({ key: "parts/x", ...FACTS })).not.toBe("");
    expect(new Set(proxy.requests.map(({ status }) => status))).toEqual(new Set([200]));
    expect(proxy.requests.every(({ target }) => target.startsWith(`${emulator.endpoint}/`))).toBe(true);
  }, 60_000);

  it("blames the proxy and names its variable, at once when it refuses", async () => {
    await using emulator = await startEmulator();
    await using proxy = await startProxy({ credential: "user:pass" });
    const http = { name: "http_proxy", value: proxy.url };
    await using desk = openDeskVia({ http, https: null, none: null }, emulator.access(), named);
    await expect(desk.store.head("x")).rejects.toMatchObject({
      code: "MIRROR_FAILED",
      message: expect.stringContaining(`the proxy ${new URL(proxy.url).host} answers 407`),
      fix: expect.stringContaining("check http_proxy"),
    });
    expect(proxy.requests).toHaveLength(1);
  }, 60_000);

  it("tries again where the proxy cannot be reached", async () => {
    await using emulator = await startEmulator();
    const http = { name: "http_proxy", value: "http://127.0.0.1:1" };
    await using desk = openDeskVia({ http, https: null, none: null }, emulator.access(), named);
    await expect(desk.store.head("x")).rejects.toMatchObject({
      message: expect.stringContaining("the proxy 127.0.0.1:1 cannot be reached"),
    });
    expect(desk.waits.length).toBeGreaterThan(0);
  }, 60_000);
});
