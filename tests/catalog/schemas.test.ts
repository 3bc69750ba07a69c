import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { schemaFiles } from "../../scripts/write-schemas.ts";

describe("schemaFiles()", () => {
  it("gives what is in the repository; `npm run schemas` brings it up to date", () => {
    for (const [path, text] of schemaFiles()) expect([path, readFileSync(path, "utf8")]).toEqual([path, text]);
    expect(schemaFiles().size).toBe(4);
  });

  it("refuses unknown keys and says what a digest and a size are", () => {
    const [manifest = ""] = schemaFiles().values();
    const entry = JSON.parse(manifest).properties.models.items;
    expect(entry.additionalProperties).toBe(false);
    expect(entry.required).toEqual(["name", "path"]);
    expect(JSON.stringify(entry.properties.sha256)).toContain("^[0-9a-f]{64}$");
    expect(JSON.stringify(entry.properties.size)).toContain('"maximum":9007199254740991');
  });
});
