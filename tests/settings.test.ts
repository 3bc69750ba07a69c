import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { inspect } from "node:util";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isModelsError } from "../src/base/errors.ts";
import type { Environment } from "../src/base/process.ts";
import { readConfig } from "../src/catalog/config.ts";
import {
  accessTo,
  resolveSettings,
  type Settings,
  type SettingsFlags,
  selectionFromEnvironment,
} from "../src/settings.ts";
import { folderOf, problemsOf } from "./catalog/texts.ts";

interface Given {
  readonly flags?: SettingsFlags;
  readonly env?: Environment;
  /** The text of models.config.yaml. */
  readonly config?: string;
  readonly files?: Readonly<Record<string, string>>;
}

/** Settings in a new folder, with paths printed relative to it; `~` is the home folder. */
async function settingsOf({ flags = {}, env = {}, config, files = {} }: Given): Promise<Settings & { folder: string }> {
  const folder = await folderOf({ ...files, ...(config === undefined ? {} : { "models.config.yaml": config }) });
  const settings = await resolveSettings(flags, { HOME: join(folder, "home"), ...env }, folder, { readConfig });
  return { ...settings, folder };
}

const configProblems = (config: string): Promise<readonly string[]> => problemsOf(() => settingsOf({ config }));

describe("resolveSettings()", () => {
  it("gives defaults where nothing is said", async () => {
    const { folder, ...settings } = await settingsOf({});
    expect(settings).toEqual({
      root: join(folder, "models"),
      manifests: [expect.stringMatching(/\/manifests$/)],
      kits: [expect.stringMatching(/\/kits$/)],
      lockfile: join(folder, "models.lock.yaml"),
      adopt: [],
      mirrors: [],
      hosts: [],
      limits: { maxRate: null, lanes: null, lanesPerHost: 16, files: 4, reserveBytes: 1024 ** 3 },
      hub: {
        endpoint: "https://huggingface.co",
        token: null,
        cache: join(folder, "home/.cache/huggingface/hub"),
        isOffline: false,
      },
      civitai: { endpoint: "https://civitai.com", token: null },
      s3: { "s3://*": { region: "us-east-1" }, "r2://*": { region: "auto" } },
      proxy: { http: null, https: null, none: null },
      caFile: null,
      allowPickle: false,
      trustFirstUse: false,
      extraModelPaths: [],
      comfyui: null,
      workflowHosts: ["huggingface.co", "civitai.com", "github.com", "raw.githubusercontent.com"],
      trust: null,
      allowDowngrade: false,
      config: null,
    });
  });

  it("finds the built-in manifests and kits, and puts them first", async () => {
    const config = "manifests: [own, https://models.example.net/m.yaml]\nkits: [own]\n";
    const flags = { manifests: ["flagged"], kits: ["s3://bucket/k.yaml"] };
    const { folder, manifests, kits } = await settingsOf({ flags, config });
    expect(await readFile(join(manifests[0] ?? "", "manifest.schema.json"), "utf8")).toContain("modelferry manifest");
    expect(await readFile(join(kits[0] ?? "", "kit.schema.json"), "utf8")).toContain("modelferry kit");
    expect(manifests.slice(1)).toEqual([
      join(folder, "own"),
      "https://models.example.net/m.yaml",
      join(folder, "flagged"),
    ]);
    expect(kits.slice(1)).toEqual([join(folder, "own"), "s3://bucket/k.yaml"]);
  });

  it("takes a flag before the environment before the config before the default", async () => {
    const config = "root: from-config\nlimits: { lanes: 3, files: 2, maxRate: 50MB }\n";
    const env = { MODELS_ROOT: "from-env" };
    const at = async (given: Given): Promise<string> => {
      const { root, folder } = await settingsOf(given);
      return root.slice(folder.length + 1);
    };
    expect(await at({ flags: { root: "from-flag" }, env, config })).toBe("from-flag");
    expect(await at({ env, config })).toBe("from-env");
    expect(await at({ env: { MODELS_ROOT: " " }, config })).toBe("from-config");
    expect(await at({})).toBe("models");
    const { limits } = await settingsOf({ flags: { lanes: 9 }, config });
    expect(limits).toEqual({ maxRate: 50_000_000, lanes: 9, lanesPerHost: 16, files: 2, reserveBytes: 1024 ** 3 });
  });

  it("starts relative paths of a config at the config's folder, and finds it by flag or variable", async () => {
    const files = { "etc/c.yaml": "root: m\nlockfile: l.yaml\nadopt: [old]\ncaFile: ca.pem\nmanifests: [../x]\n" };
    for (const given of [{ flags: { config: "etc/c.yaml" } }, { env: { MODELS_CONFIG: "etc/c.yaml" } }]) {
      const { folder, ...settings } = await settingsOf({ ...given, files });
      expect(settings).toMatchObject({
        config: join(folder, "etc/c.yaml"),
        root: join(folder, "etc/m"),
        lockfile: join(folder, "etc/l.yaml"),
        adopt: [join(folder, "etc/old")],
        caFile: join(folder, "etc/ca.pem"),
        manifests: [expect.anything(), join(folder, "x")],
      });
    }
  });

  it("wants a config that is named to exist", async () => {
    await expect(settingsOf({ flags: { config: "no.yaml" } })).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      fix: "correct --config",
    });
    await expect(settingsOf({ env: { MODELS_CONFIG: "no.yaml" } })).rejects.toMatchObject({
      fix: "correct or unset MODELS_CONFIG",
    });
  });

  it("never reads a config that is not there", async () => {
    const folder = await folderOf({});
    const refuse = { readConfig: () => Promise.reject(new Error("read")) };
    await expect(resolveSettings({}, {}, folder, refuse)).resolves.toMatchObject({ config: null });
  });

  it("tells every mistake of a config at its place", async () => {
    const config = `roott: m
root: 3
kits: mine
mirrors:
  - { name: a, template: "https://models.example.net/{pth}" }
  - { name: b, template: "https://models.example.net/x", more: 1 }
  - { name: c, template: "ftp://models.example.net/{path}" }
hosts:
  https://models.example.net: { token: MODELS_TOKEN }
  b.net: { token: hf_secretsecret, scheme: digest }
  c.net: { token: TOKEN, scheme: header }
  d.net: { token: TOKEN, header: X-Key }
buckets:
  kits: { endpoint: abc.example.net, accessKeyId: KEY }
limits: { maxRate: 50 apples, reserve: [], lanes: 0, files: 1.5, lane: 3 }
`;
    const problems = await configProblems(config);
    expect(problems).toEqual([
      'models.config.yaml:1:1 the file has the unknown key "roott" | did you mean "root"?',
      "models.config.yaml:2:7 root is 3, expected text",
      "models.config.yaml:3:7 kits is text, expected a list",
      "models.config.yaml:5:26 template has the unknown placeholder {pth} | write it like https://models.example.net/{path} or r2://bucket/{sha256}",
      "models.config.yaml:6:26 template has no placeholder, expected {path}, {name} or {sha256} | write it like https://models.example.net/{path} or r2://bucket/{sha256}",
      'models.config.yaml:6:58 item 2 of mirrors has the unknown key "more" | the keys here are name, template',
      'models.config.yaml:7:26 template has the unknown scheme "ftp", expected one of hf, r2, s3, civitai, https, http, file | write it like https://models.example.net/{path} or r2://bucket/{sha256}',
      'models.config.yaml:9:3 the key "https://models.example.net" is no host | write the host alone, in lower case, such as models.example.net',
      "models.config.yaml:10:19 token is not the name of an environment variable | write the name of a variable in upper case, such as MODELS_TOKEN, and never a token itself",
      'models.config.yaml:10:44 scheme is text, expected one of "bearer", "basic", "header"',
      "models.config.yaml:11:10 header is missing, the scheme header needs it | write scheme: header and header: X-Api-Key, or neither",
      "models.config.yaml:12:34 header has no use with the scheme bearer | write scheme: header and header: X-Api-Key, or neither",
      "models.config.yaml:14:9 secretAccessKey is missing | name both accessKeyId and secretAccessKey, or neither",
      "models.config.yaml:14:21 endpoint is no address | write it like https://host.example.net, without a user or a query",
      "models.config.yaml:15:20 maxRate is no number of bytes | write it as 50MB, 1.5GiB or 1000000",
      "models.config.yaml:15:40 reserve is a list, expected a number of bytes, such as 50MB",
      "models.config.yaml:15:51 lanes is not a whole number from 1 to 256 | write a whole number from 1 to 256",
      "models.config.yaml:15:61 files is not a whole number from 1 to 256 | write a whole number from 1 to 256",
      'models.config.yaml:15:66 limits has the unknown key "lane" | did you mean "lanes"?',
    ]);
    expect(problems.join()).not.toContain("secretsecret");
  });

  it("takes an empty config, and one with a version", async () => {
    expect(await configProblems("version: 1\n")).toEqual([]);
    expect(await configProblems("version: 2\n")).toEqual([
      "models.config.yaml:1:10 version is 2, this modelferry reads version 1 | update modelferry",
    ]);
    expect(await configProblems("# nothing yet\n")).toEqual([]);
  });

  it("takes mirrors of flags as templates, or as the address of a tree", async () => {
    const config =
      "mirrors:\n  - name: r2\n    template: r2://bucket/{sha256}\n  - name: lan\n    template: http://10.0.0.7/{path}\n";
    // Plain http: whoever writes a config may trust the wire, and every byte is proven by its digest.
    const flags = { mirrors: ["https://a.example.net/", "https://b.example.net/{name}", "file:///data"] };
    expect((await settingsOf({ flags, config })).mirrors).toEqual([
      { name: "a.example.net", template: "https://a.example.net/{path}" },
      { name: "b.example.net", template: "https://b.example.net/{name}" },
      { name: "file", template: "file:///data/{path}" },
      { name: "r2", template: "r2://bucket/{sha256}" },
      { name: "lan", template: "http://10.0.0.7/{path}" },
    ]);
    await expect(settingsOf({ flags: { mirrors: ["models"] } })).rejects.toMatchObject({ code: "USAGE" });
  });

  it("gives hosts their secrets by the names of variables, and keeps the name of one that is not set", async () => {
    const config = `hosts:
  a.example.net: { token: A_TOKEN }
  b.example.net:8443: { token: B_TOKEN, scheme: header, header: X-Api-Key }
`;
    const { hosts } = await settingsOf({ config, env: { A_TOKEN: "hush" } });
    expect(hosts.map(({ secret, ...rest }) => ({ ...rest, secret: secret?.reveal() ?? null }))).toEqual([
      { host: "a.example.net", scheme: "bearer", variable: "A_TOKEN", secret: "hush" },
      { host: "b.example.net:8443", scheme: "header", header: "X-Api-Key", variable: "B_TOKEN", secret: null },
    ]);
  });

  it("freezes everything and prints no secret", async () => {
    const env = {
      HF_TOKEN: "hush1",
      CIVITAI_TOKEN: "hush2",
      AWS_ACCESS_KEY_ID: "hush3",
      AWS_SECRET_ACCESS_KEY: "hush4",
      R2_ACCESS_KEY_ID: "hush5",
      R2_SECRET_ACCESS_KEY: "hush6",
      HTTPS_PROXY: "http://user:hush7@proxy.example.net",
      A_TOKEN: "hush8",
    };
    const config = "hosts:\n  a.example.net: { token: A_TOKEN }\n";
    const { folder: _, ...settings } = await settingsOf({ env, config });
    expect(settings.proxy.https?.value).toContain("hush7");
    for (const printed of [JSON.stringify(settings), inspect(settings, { depth: 9 })])
      expect(printed).not.toContain("hush");
    const isFrozen = (value: unknown): boolean =>
      typeof value !== "object" || value === null || (Object.isFrozen(value) && Object.values(value).every(isFrozen));
    expect(Object.values(settings).every(isFrozen)).toBe(true);
  });

  it("gives ModelsError for any config, never another error", async () => {
    const keys = fc.constantFrom("root", "hosts", "buckets", "limits", "mirrors", "kits", "a.net", "token", "lanes");
    const leaf = fc.constantFrom("", "a", "1", "[x]", "{a: 1}", "null", "true", "-1");
    const line = fc.tuple(fc.nat(3), keys, leaf).map(([depth, key, value]) => `${"  ".repeat(depth)}${key}: ${value}`);
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 6 }), async (lines) => {
        const error: unknown = await settingsOf({ config: lines.join("\n") }).catch((thrown: unknown) => thrown);
        expect(!(error instanceof Error) || isModelsError(error, "CONFIG_INVALID")).toBe(true);
      }),
      { numRuns: 100 },
    );
  });
});

describe("resolveSettings() for the Hub", () => {
  const hub = async (env: Environment, files = {}): Promise<Record<string, unknown>> => {
    const { hub: found, folder } = await settingsOf({ env, files });
    return { ...found, token: found.token?.reveal() ?? null, cache: found.cache.replace(`${folder}/`, "") };
  };

  it.each([
    [{}, "home/.cache/huggingface/hub"],
    [{ XDG_CACHE_HOME: "xdg" }, "xdg/huggingface/hub"],
    [{ XDG_CACHE_HOME: "xdg", HF_HOME: "hf" }, "hf/hub"],
    [{ HF_HOME: "~/hf" }, "home/hf/hub"],
    [{ HF_HOME: "hf", HUGGINGFACE_HUB_CACHE: "legacy" }, "legacy"],
    [{ HF_HOME: "hf", HUGGINGFACE_HUB_CACHE: "legacy", HF_HUB_CACHE: "cache" }, "cache"],
  ])("finds the cache with %j", async (env, cache) => {
    expect(await hub(env)).toMatchObject({ cache });
  });

  it("takes the token of the variable, else of the file", async () => {
    const files = { "home/.cache/huggingface/token": "from-home\n", "hf/token": "from-hf-home", t: "from-path\n" };
    expect(await hub({}, files)).toMatchObject({ token: "from-home" });
    expect(await hub({ HF_HOME: "hf" }, files)).toMatchObject({ token: "from-hf-home" });
    expect(await hub({ HF_HOME: "hf", HF_TOKEN_PATH: "t" }, files)).toMatchObject({ token: "from-path" });
    expect(await hub({ HF_HOME: "hf", HF_TOKEN: " given\n" }, files)).toMatchObject({ token: "given" });
    expect(await hub({ HF_TOKEN: "" }, {})).toMatchObject({ token: null });
  });

  it("sends no token that was not asked for when HF_HUB_DISABLE_IMPLICIT_TOKEN is on", async () => {
    expect(await hub({ HF_TOKEN: "x", HF_HUB_DISABLE_IMPLICIT_TOKEN: "1" })).toMatchObject({ token: null });
    expect(await hub({ HF_TOKEN: "x", HF_HUB_DISABLE_IMPLICIT_TOKEN: "0" })).toMatchObject({ token: "x" });
  });

  it("is offline by flag or by either variable", async () => {
    expect(await hub({ HF_HUB_OFFLINE: "YES" })).toMatchObject({ isOffline: true });
    expect(await hub({ TRANSFORMERS_OFFLINE: "1" })).toMatchObject({ isOffline: true });
    expect(await hub({ HF_HUB_OFFLINE: "0" })).toMatchObject({ isOffline: false });
    expect((await settingsOf({ flags: { offline: true } })).hub.isOffline).toBe(true);
  });

  it("takes any endpoint, but sends a token over plain http to this machine alone", async () => {
    expect(await hub({ HF_ENDPOINT: "https://hub.example.net/base/" })).toMatchObject({
      endpoint: "https://hub.example.net/base",
    });
    expect(await hub({ HF_ENDPOINT: "http://127.0.0.1:8080", HF_TOKEN: "x" })).toMatchObject({ token: "x" });
    expect(await hub({ HF_ENDPOINT: "http://hub.example.net" })).toMatchObject({ endpoint: "http://hub.example.net" });
    await expect(hub({ HF_ENDPOINT: "http://hub.example.net", HF_TOKEN: "hush" })).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      message: "Cannot use HF_ENDPOINT: it is plain http, and the token would go out in the clear",
    });
    for (const wrong of ["hub.example.net", "ftp://x", "https://user:hush@x", "https://x?token=hush"]) {
      const error: unknown = await hub({ HF_ENDPOINT: wrong }).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: "CONFIG_INVALID", message: expect.not.stringContaining("hush") });
    }
  });
});

describe("resolveSettings() for other hosts", () => {
  it("reads Civitai's token and endpoint, the proxies in both cases and the extra authorities", async () => {
    const env = {
      CIVITAI_API_TOKEN: "c",
      CIVITAI_ENDPOINT: "http://localhost:1/",
      HTTP_PROXY: "http://upper",
      http_proxy: "http://lower",
      HTTPS_PROXY: "http://secure",
      no_proxy: "a,b",
      NODE_EXTRA_CA_CERTS: "ca.pem",
    };
    const { civitai, proxy, caFile, folder } = await settingsOf({ env });
    expect([civitai.endpoint, civitai.token?.reveal()]).toEqual(["http://localhost:1", "c"]);
    expect({ ...proxy }).toEqual({
      http: { name: "http_proxy", value: "http://lower" },
      https: { name: "HTTPS_PROXY", value: "http://secure" },
      none: "a,b",
    });
    expect(caFile).toBe(join(folder, "ca.pem"));
  });

  it("takes ALL_PROXY for a scheme that has no variable of its own", async () => {
    const { proxy } = await settingsOf({ env: { ALL_PROXY: "http://any", HTTPS_PROXY: "http://secure" } });
    expect({ ...proxy }).toEqual({
      http: { name: "ALL_PROXY", value: "http://any" },
      https: { name: "HTTPS_PROXY", value: "http://secure" },
      none: null,
    });
  });
});

describe("accessTo()", () => {
  const reveal = (access: ReturnType<typeof accessTo>): Record<string, unknown> =>
    Object.fromEntries(
      Object.entries(access).map(([key, value]) => [
        key,
        typeof value === "object" && "reveal" in value ? value.reveal() : value,
      ]),
    );
  const AWS = { AWS_ACCESS_KEY_ID: "ak", AWS_SECRET_ACCESS_KEY: "sk", AWS_SESSION_TOKEN: "st" };

  it("reads the AWS variables for s3", async () => {
    const env = { ...AWS, AWS_DEFAULT_REGION: "eu", AWS_ENDPOINT_URL: "http://a", AWS_ENDPOINT_URL_S3: "http://b" };
    const { s3 } = await settingsOf({ env });
    expect(reveal(accessTo(s3, "s3", "any"))).toEqual({
      endpoint: "http://b",
      region: "eu",
      accessKeyId: "ak",
      secretAccessKey: "sk",
      sessionToken: "st",
    });
  });

  it("reads the R2 variables for r2, and the AWS ones where those say nothing", async () => {
    const env = { ...AWS, R2_ACCOUNT_ID: "acc", R2_PUBLIC_URL: "https://pub.example.net" };
    const reached = {
      endpoint: "https://acc.r2.cloudflarestorage.com",
      region: "auto",
      publicUrl: "https://pub.example.net",
    };
    const keys = { R2_ACCESS_KEY_ID: "rk", R2_SECRET_ACCESS_KEY: "rs" };
    const own = { accessKeyId: "rk", secretAccessKey: "rs" };
    expect(reveal(accessTo((await settingsOf({ env: { ...env, ...keys } })).s3, "r2", "b"))).toEqual({
      ...reached,
      ...own,
    });
    expect(reveal(accessTo((await settingsOf({ env })).s3, "r2", "b"))).toMatchObject({
      ...reached,
      accessKeyId: "ak",
    });
    expect(reveal(accessTo({}, "r2", "constructor"))).toEqual({ region: "auto" });
  });

  it("takes a bucket of the config by its name, with keys by the names of variables", async () => {
    const config = `buckets:
  mine: { endpoint: "https://acc.r2.cloudflarestorage.com", accessKeyId: MY_KEY, secretAccessKey: MY_SECRET }
`;
    const { s3 } = await settingsOf({ config, env: { ...AWS, MY_KEY: "mk" } });
    for (const scheme of ["r2", "s3"] as const) {
      expect(reveal(accessTo(s3, scheme, "mine"))).toEqual({
        endpoint: "https://acc.r2.cloudflarestorage.com",
        region: "auto",
        accessKeyId: "mk",
        unset: ["MY_SECRET"],
      });
    }
  });

  it("fills what the config leaves open with what the environment says for the scheme, but not the public address", async () => {
    const config = `buckets:
  open: { publicUrl: "https://pub.example.net" }
  euro: { region: eu-west-1 }
`;
    const env = { ...AWS, R2_ACCOUNT_ID: "acc", R2_PUBLIC_URL: "https://other.example.net" };
    const { s3 } = await settingsOf({ config, env });
    const keys = { accessKeyId: "ak", secretAccessKey: "sk", sessionToken: "st" };
    const endpoint = "https://acc.r2.cloudflarestorage.com";
    const publicUrl = "https://pub.example.net";
    expect(reveal(accessTo(s3, "r2", "open"))).toEqual({ endpoint, region: "auto", publicUrl, ...keys });
    expect(reveal(accessTo(s3, "s3", "open"))).toEqual({ region: "us-east-1", publicUrl, ...keys });
    expect(reveal(accessTo(s3, "s3", "euro"))).toEqual({ region: "eu-west-1", ...keys });
    expect(reveal(accessTo(s3, "r2", "euro"))).toEqual({ endpoint, region: "eu-west-1", ...keys });
  });
});

describe("selectionFromEnvironment()", () => {
  it("reads lists with commas or blanks", () => {
    const env = { BASE_MODEL_KIT: "flux, sdxl  wan", PRELOAD_WORKFLOW: "a.json" };
    expect(selectionFromEnvironment(env)).toEqual({ kits: ["flux", "sdxl", "wan"], workflows: ["a.json"] });
    expect(selectionFromEnvironment({ BASE_MODEL_KIT: " " })).toEqual({ kits: [], workflows: [] });
  });
});
