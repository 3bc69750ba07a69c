/** What the machine itself can do: copies from memory to the disk, and a C program that reads from the same origin. */
import { join } from "node:path";
import type { Bench } from "./bench.ts";
import { best } from "./figures.ts";
import type { Nginx } from "./origin.ts";
import { type Offer, quoted } from "./rivals.ts";
import type { Contender, Outcome, Served } from "./terms.ts";

/** For what comes over plain HTTP: another scheme moves the same bytes. The program reads one file. */
export function limits(
  { native }: Bench,
  { offer, origin }: { readonly offer: Offer; readonly origin: Nginx },
): readonly Contender[] {
  const { files, origins, caFile } = offer;
  if (caFile !== null) return [];
  const [file, ...more] = files;
  const cat = copy("cat, memory to disk", ({ path }, to) => `cat ${quoted(path)} > ${quoted(to)}`, files);
  if (file === undefined || more.length > 0) return [cat];
  const dd = copy("dd bs=1M, memory to disk", ddWords, files);
  if (native.limit === null) return [cat, dd];
  const path = new URL(`${origins[0]}/${file.name}`).pathname;
  const words = [native.limit, origin.address, String(origin.port), path, String(file.size)];
  const program = (threads: number): Contender => ({
    name: `C, 4 connections, ${threads} thread${threads === 1 ? "" : "s"}`,
    kind: "limit",
    isVerifying: false,
    command: (into) => ({ argv: [...words, join(into, file.name), "4", String(threads)] }),
  });
  return [program(2), program(1), cat, dd];
}

/** The faster of the two C programs. */
export const limitOf = (outcomes: readonly Outcome[]): Outcome | undefined =>
  best(outcomes.filter(({ name }) => name.startsWith("C, ")));

const ddWords = ({ path }: Served, to: string): string => `dd if=${quoted(path)} of=${quoted(to)} bs=1M status=none`;

function copy(name: string, one: (file: Served, to: string) => string, files: readonly Served[]): Contender {
  const script = (into: string): string => files.map((file) => one(file, join(into, file.name))).join(" && ");
  return { name, kind: "limit", isVerifying: false, command: (into) => ({ argv: ["sh", "-c", script(into)] }) };
}
