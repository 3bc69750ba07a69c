import { describe, expect, it } from "vitest";
import { status } from "../origins/index.ts";
import { describeLane } from "./lane-contract.ts";
import { openLaneWorld, WORLD_BYTES, worldContent } from "./lane-world.ts";

describeLane({ name: "general lane over HTTP", isGeneral: true, isTls: false, isProxied: false });
describeLane({ name: "general lane over HTTPS", isGeneral: true, isTls: true, isProxied: false });
describeLane({ name: "general lane over HTTPS through a proxy", isGeneral: true, isTls: true, isProxied: true });

describe("general lane over HTTP through a proxy that opens no tunnel to it", () => {
  it("asks for ranges in absolute form, and blames the proxy for its own refusal", async () => {
    const world = await openLaneWorld({ isGeneral: false, isTls: false, isProxied: true });
    try {
      expect(await world.read(100_001, 2_400_003)).toEqual({ kind: "done", position: 2_400_003 });
      expect(world.written(100_001, 2_400_003)).toEqual(worldContent.subarray(100_001, 2_400_003));
      expect(world.proxy?.requests).toMatchObject([{ method: "GET", target: world.endpoint.url }]);
      world.server.faults.add(() => true, status(503, { "X-Squid-Error": "ERR_CONNECT_FAIL 111" }));
      expect(await world.read(0, WORLD_BYTES)).toMatchObject({
        kind: "failed",
        failure: { kind: "network", message: `the proxy ${new URL(world.proxy?.url ?? "").host} answers 503` },
      });
    } finally {
      await world.close();
    }
  });
});
