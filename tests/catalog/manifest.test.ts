import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isModelsError } from "../../src/base/errors.ts";
import { digest, loadFolder, manifest, manifestProblems } from "./texts.ts";

const ENTRY = `name: a\npath: loras/a.safetensors`;

describe("readManifest()", () => {
  it("reads every field", async () => {
    const text = manifest(`name: flux1-schnell
path: diffusion_models/flux1-schnell.safetensors
aliases: [unet/flux1-schnell.safetensors]
size: 23782506688
sha256: ${digest(1)}
digestFrom: single list
license: apache-2.0
gated: true
sources:
  - HF://black-forest-labs/FLUX.1-schnell@main/flux1-schnell.safetensors
  - r2://bucket/key
pieces: https://models.example.net/x.pieces.json
variant: bf16
note: a line`);
    expect((await loadFolder({ "manifests/m.yaml": text })).models.get("flux1-schnell")).toEqual({
      name: "flux1-schnell",
      path: "diffusion_models/flux1-schnell.safetensors",
      aliases: ["unet/flux1-schnell.safetensors"],
      size: 23782506688,
      sha256: digest(1),
      digestFrom: "single list",
      license: "apache-2.0",
      gated: true,
      sources: ["hf://black-forest-labs/FLUX.1-schnell@main/flux1-schnell.safetensors", "r2://bucket/key"],
      pieces: "https://models.example.net/x.pieces.json",
      variant: "bf16",
      note: "a line",
      at: expect.stringMatching(/manifests\/m\.yaml:3:5$/),
    });
  });

  it("leaves open what the entry leaves open, or says is null", async () => {
    const open = { size: null, sha256: null, license: null, gated: false, sources: [], aliases: [], pieces: null };
    const catalog = await loadFolder({
      "manifests/m.yaml": manifest(ENTRY),
      "manifests/n.json": JSON.stringify({
        version: 1,
        models: [{ name: "b", path: "b.gguf", size: null, sha256: null, license: null, gated: null }],
      }),
    });
    expect(catalog.models.get("a")).toMatchObject(open);
    expect(catalog.models.get("b")).toMatchObject(open);
  });

  it("tells every mistake at once, each at its own place", async () => {
    const text = `version: 1
models:
  - name: a b
    path: ../../.ssh/authorized_keys
    aliases: [unet/ok.safetensors, /etc/x]
    size: 12GB
    sha256: ${digest(1).toUpperCase()}
    sourcse: []
  - path: loras/b.safetensors
    gated: maybe
    sources: [ftp://host/x, "https://user:secret@host/x", http://models.example.net/x]
  - just text
`;
    expect(await manifestProblems(text)).toEqual([
      'manifests/m.yaml:3:11 name "a b" is no name | use letters, digits and . _ + @ - and start with a letter or digit, at most 200 characters',
      'manifests/m.yaml:4:11 path "../../.ssh/authorized_keys" cannot be used: it has a ".." part | write a relative path with forward slashes, such as loras/name.safetensors',
      'manifests/m.yaml:5:36 item 2 of aliases "/etc/x" cannot be used: it is absolute, expected a path below the models folder | write a relative path with forward slashes, such as loras/name.safetensors',
      "manifests/m.yaml:6:11 size is text, expected a number",
      "manifests/m.yaml:7:13 sha256 is in upper case, expected lower-case hex digits | write the 64 lower-case hex digits that sha256sum prints",
      'manifests/m.yaml:8:5 item 1 of models has the unknown key "sourcse" | did you mean "sources"?',
      'manifests/m.yaml:9:5 item 2 of models has no "name" | add name:',
      "manifests/m.yaml:10:12 gated is text, expected true or false",
      'manifests/m.yaml:11:15 item 1 of sources has the unknown scheme "ftp", expected one of hf, r2, s3, civitai, https, http, file | write it like hf://org/repo@revision/path, r2://bucket/key, civitai://versionId or https://host/path',
      "manifests/m.yaml:11:29 item 2 of sources holds a user or password, which a manifest must not | write it like hf://org/repo@revision/path, r2://bucket/key, civitai://versionId or https://host/path",
      "manifests/m.yaml:11:59 item 3 of sources is plain http, expected https | write it like hf://org/repo@revision/path, r2://bucket/key, civitai://versionId or https://host/path",
      "manifests/m.yaml:12:5 item 3 of models is text, expected a mapping of keys to values",
    ]);
  });

  it("places mistakes in JSON as in YAML", async () => {
    const text = `{"version": 1, "models": [\n  {"name": "a", "path": "x", "size": 1.5},\n  {"nmae": "b", "path": "y"}\n]}`;
    expect(await manifestProblems(text, "m.json")).toEqual([
      "manifests/m.json:2:38 size is not a whole number from 0 to 9007199254740991 | write the size in bytes, or leave it out when nobody knows it",
      'manifests/m.json:3:3 item 2 of models has no "name" | add name:',
      'manifests/m.json:3:4 item 2 of models has the unknown key "nmae" | did you mean "name"?',
    ]);
  });

  it.each([
    ["2", "2:0", "version is 2, this modelferry reads version 1 | update modelferry"],
    ['"1"', "", 'version is "1", this modelferry reads version 1 | write version: 1'],
    ["0", "", "version is 0, this modelferry reads version 1 | write version: 1"],
  ])("says of version %s nothing else", async (version, _, problem) => {
    expect(await manifestProblems(`modles: []\nversion: ${version}\n`)).toEqual([`manifests/m.yaml:2:10 ${problem}`]);
  });

  it("wants a version and a list of models", async () => {
    const none = ['manifests/m.yaml:1:1 the file has no "version" | add version:'];
    expect(await manifestProblems("models: []\n")).toEqual(none);
    expect(await manifestProblems("version: 1\n")).toEqual([
      'manifests/m.yaml:1:1 the file has no "models" | add models:',
    ]);
    expect(await manifestProblems("")).toEqual([
      "manifests/m.yaml:1:1 the file is empty, expected a mapping of keys to values",
    ]);
    expect(await manifestProblems("version: 1\nmodels:\n")).toEqual([
      "manifests/m.yaml:2:1 models is empty, expected a list",
    ]);
  });

  it.each(["-1", "1.5", "1e308", "9007199254740993", ".nan", ".inf"])("refuses the size %s", async (size) => {
    const [problem, ...others] = await manifestProblems(manifest(`${ENTRY}\nsize: ${size}`));
    expect(problem).toMatch(/^manifests\/m\.yaml:5:11 size is /);
    expect(others).toEqual([]);
  });

  it("takes the largest size that a number holds exactly, and none", async () => {
    const text = manifest(`${ENTRY}\nsize: 9007199254740991`, "name: b\npath: b\nsize: 0");
    const { models } = await loadFolder({ "manifests/m.yaml": text });
    expect([...models.values()].map(({ size }) => size)).toEqual([9007199254740991, 0]);
  });

  it.each([
    ["../x", "has 4 characters, expected 64 hex digits"],
    [digest(1).slice(1), "has 63 characters, expected 64 hex digits"],
    [`${digest(1)}a`, "has 65 characters, expected 64 hex digits"],
    [digest(1).replace("a", "g"), "has characters that are no hex digits"],
  ])("refuses the digest %s", async (sha256, problem) => {
    const fix = "write the 64 lower-case hex digits that sha256sum prints";
    expect(await manifestProblems(manifest(`${ENTRY}\nsha256: ${sha256}`))).toEqual([
      `manifests/m.yaml:5:13 sha256 ${problem} | ${fix}`,
    ]);
  });

  it.each([
    "C:\\x",
    "D:x",
    "\\\\host\\share",
    "a/../../b",
    "a//b",
    "./a",
    "a/",
    ".",
    "a\u0000b",
    "a\r\nb",
    "a\u202eb",
    "CON",
    "a.",
    "a ",
    "a:stream",
    `${"x".repeat(256)}`,
    `${"x/".repeat(3000)}x`,
    ".modelferry/x",
  ])("refuses the path %j at its place", async (path) => {
    const [problem, ...others] = await manifestProblems(manifest(`name: a\npath: ${JSON.stringify(path)}`));
    expect(problem).toMatch(/^manifests\/m\.yaml:4:11 path .* cannot be used: /);
    expect(others).toEqual([]);
  });

  it("refuses the same source twice in one model", async () => {
    const text = manifest(`${ENTRY}\nsources:\n  - hf://o/r@main/x\n  - HF://o/r@main/x`);
    expect(await manifestProblems(text)).toEqual([
      'manifests/m.yaml:7:9 "a" has this source twice | remove one of the two',
    ]);
  });

  it("never shows the value of a text of the wrong kind, which may be a secret", async () => {
    const problems = await manifestProblems(manifest(`${ENTRY}\ngated: hf_secret\nsources: hf_secret`));
    expect(problems.join()).not.toContain("hf_secret");
    expect(problems).toHaveLength(2);
  });

  it("gives ModelsError for any document, never another error", async () => {
    const keys = fc.constantFrom(
      "version",
      "models",
      "name",
      "path",
      "size",
      "sha256",
      "sources",
      "aliases",
      "note",
      "x",
    );
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof({ maxDepth: 4 }, fc.constantFrom(1, null, true, "a", -0.5), tie("list"), tie("mapping")),
      list: fc.array(tie("value"), { maxLength: 3 }),
      mapping: fc.dictionary(keys, tie("value"), { maxKeys: 5 }),
    }));
    await fc.assert(
      fc.asyncProperty(value, async (root) => {
        const error = await loadFolder({ "manifests/m.json": JSON.stringify({ version: 1, models: root }) }).catch(
          (e) => e,
        );
        expect(!(error instanceof Error) || isModelsError(error, "MANIFEST_INVALID")).toBe(true);
      }),
      { numRuns: 150 },
    );
  });
});
