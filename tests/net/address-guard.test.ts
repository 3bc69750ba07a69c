/** Which addresses are private, however they are written, and that names are judged by what is connected to. */
import { createServer } from "node:http";
import { connect, type LookupFunction } from "node:net";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  addressProblem,
  assertHostAllowed,
  guardedLookup,
  isPrivateAddress,
  isPrivateName,
  leadsToPrivate,
} from "../../src/net/address-guard.ts";
import type { Resolve } from "../../src/net/resolver.ts";

const answering =
  (...addresses: readonly string[]): Resolve =>
  (_name, _options, done) =>
    done(
      null,
      addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 })),
    );

const look = (lookup: LookupFunction, all: boolean): Promise<unknown> =>
  new Promise((resolve) => lookup("models.example", { all }, (error, address) => resolve(error ?? address)));

describe("isPrivateAddress()", () => {
  it.each([
    "0.0.0.0",
    "0.1.2.3",
    "10.255.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "198.18.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "::ffff:7f00:1",
    "fe80::1",
    "fe80::1%eth0",
    "fc00::1",
    "fd12:3456::1",
    "ff02::1",
    "64:ff9b::7f00:1",
    "64:ff9b::10.0.0.1",
    "2002:7f00:1::",
    "2002:c0a8:101::1",
  ])("holds for %s", (address) => expect(isPrivateAddress(address)).toBe(true));

  it.each([
    "1.1.1.1",
    "8.8.8.8",
    "172.15.0.1",
    "172.32.0.1",
    "100.63.0.1",
    "2606:4700::1111",
    "64:ff9b::808:808",
    "2002:808:808::1",
    "2001:db9::1",
  ])("does not hold for %s", (address) => expect(isPrivateAddress(address)).toBe(false));

  it("agrees with the mapped form of every private IPv4 address", () => {
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        expect(isPrivateAddress(`::ffff:${address}`)).toBe(true);
        expect(isPrivateAddress(`64:ff9b::${address}`)).toBe(isPrivateAddress(address));
      }),
    );
  });
});

describe("isPrivateName() and assertHostAllowed()", () => {
  it.each(["localhost", "LOCALHOST.", "a.localhost", "127.0.0.1", "[::1]", "[::ffff:7f00:1]"])("know %s", (name) => {
    expect(isPrivateName(name)).toBe(true);
    expect(() => assertHostAllowed(name, { mayBePrivate: false })).toThrow(/public/);
    expect(() => assertHostAllowed(name, { mayBePrivate: true })).not.toThrow();
  });

  it("let names pass, which are judged when they are connected to", () => {
    expect(() => assertHostAllowed("models.example", { mayBePrivate: false })).not.toThrow();
  });

  it("refuse where clouds keep credentials, even in a private network", () => {
    expect(addressProblem("169.254.169.254", { mayBePrivate: true })).toMatch(/credentials/);
    expect(addressProblem("::ffff:169.254.169.254", { mayBePrivate: true })).toMatch(/credentials/);
    expect(addressProblem("169.254.20.10", { mayBePrivate: true })).toBe(null);
  });
});

describe("guardedLookup()", () => {
  it("gives one address, or all of them, as it is asked", async () => {
    const lookup = guardedLookup({ mayBePrivate: false }, answering("1.1.1.1", "2606:4700::1111"));
    expect(await look(lookup, false)).toBe("1.1.1.1");
    expect(await look(lookup, true)).toEqual([
      { address: "1.1.1.1", family: 4 },
      { address: "2606:4700::1111", family: 6 },
    ]);
  });

  it("refuses a name with one private address among public ones", async () => {
    const lookup = guardedLookup({ mayBePrivate: false }, answering("1.1.1.1", "192.168.1.1"));
    expect(await look(lookup, true)).toMatchObject({
      code: "MIRROR_LIED",
      message: expect.stringMatching(/192\.168\.1\.1/),
    });
  });

  it("passes the resolver's error on", async () => {
    const gone: Resolve = (_name, _options, done) => done(Object.assign(new Error("gone"), { code: "ENOTFOUND" }), []);
    expect(await look(guardedLookup({ mayBePrivate: false }, gone), true)).toMatchObject({ code: "ENOTFOUND" });
    expect(await look(guardedLookup({ mayBePrivate: false }, answering()), true)).toBeInstanceOf(Error);
  });

  it("keeps a socket from a name that turned private after it was judged", async () => {
    const server = createServer((_request, response) => response.end("secret"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const port = (server.address() as { port: number }).port;
    const lookup = guardedLookup({ mayBePrivate: false }, answering("127.0.0.1"));
    const error = await new Promise<Error>((resolve) =>
      connect({ host: "rebound.example", port, lookup }).on("error", resolve),
    );
    expect(error).toMatchObject({ code: "MIRROR_LIED" });
    server.close();
  });
});

describe("leadsToPrivate()", () => {
  it("asks the resolver for names only, and takes silence for no", async () => {
    expect(await leadsToPrivate("box.lan", answering("192.168.1.7"))).toBe(true);
    expect(await leadsToPrivate("models.example", answering("1.1.1.1"))).toBe(false);
    expect(await leadsToPrivate("1.1.1.1", answering("192.168.1.7"))).toBe(false);
    expect(await leadsToPrivate("localhost", answering("1.1.1.1"))).toBe(true);
    expect(await leadsToPrivate("gone.example", (_name, _options, done) => done(new Error("gone"), []))).toBe(false);
  });
});
