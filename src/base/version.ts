/** Which version of the package this is. */
import { readFileSync } from "node:fs";

/** The version that `package.json` states. */
export function packageVersion(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { readonly version: string }).version;
}

/** What servers are told of who asks. */
export function userAgent(): string {
  return `modelferry/${packageVersion()}`;
}
