/** The results as one page that needs nothing else. */
import type { Results } from "./results.ts";

export function pageOf(results: Results): string {
  return `<!doctype html><title>modelferry benchmark</title><pre>${JSON.stringify(results.machine)}</pre>`;
}
