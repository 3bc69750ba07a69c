/** The lockfile is whole: `npm ci` refuses one in which a package of another platform is missing. */
import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";

interface Locked {
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

it("package-lock.json names every optional dependency, also those of other platforms, so that a bare clone installs", async () => {
  const text = await readFile(new URL("../package-lock.json", import.meta.url), "utf8");
  const { packages } = JSON.parse(text) as { readonly packages: Readonly<Record<string, Locked>> };
  const wanted = Object.entries(packages).flatMap(([place, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).map((name) => ({ place, name })),
  );
  const missing = wanted.filter(
    ({ place, name }) => !(`node_modules/${name}` in packages) && !(`${place}/node_modules/${name}` in packages),
  );
  expect(wanted.length).toBeGreaterThan(20);
  expect(missing).toEqual([]);
});
