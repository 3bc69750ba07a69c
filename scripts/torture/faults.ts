/** What mirrors are made to do wrong, each with its name and whether a mirror that does it once can still bring the file. */
import {
  always,
  both,
  chunked,
  contentRange,
  covers,
  dieAfter,
  dropAfter,
  duplicateHeader,
  etag,
  type Fault,
  flip,
  gzip,
  hints,
  hugeHeaders,
  ignoreRange,
  isGet,
  isRanged,
  lfsPointer,
  longBody,
  multipart,
  type Origin,
  type Predicate,
  page,
  rateLimited,
  redirectTo,
  resetAfter,
  retryAfter,
  shortBody,
  slowFrom,
  stallAfter,
  stallHead,
  status,
  truncateAfter,
} from "../../tests/origins/index.ts";

export interface FaultKind {
  readonly name: string;
  /**
   * `passing`: after it a mirror is as good as before, and must be asked again; `damning`: who does it once may be
   * asked no more, so that another mirror is needed.
   */
  readonly grade: "passing" | "damning";
  /** How often it is drawn, in relation to the others. */
  readonly weight: number;
  readonly make: (place: FaultPlace) => Fault;
  /** @default ranges that hold the place */
  readonly when?: (place: FaultPlace) => Predicate;
}

/** Where in a file it happens. */
export interface FaultPlace {
  readonly size: number;
  /** Byte of the file. */
  readonly offset: number;
  /** Byte of an answer's body. */
  readonly afterBytes: number;
}

const everyGet = (): Predicate => isGet;
const everything = (): Predicate => always;
const passing = { grade: "passing", weight: 4 } as const;
const damning = { grade: "damning", weight: 4 } as const;
/** Those that take seconds of silence to find out. */
const rare = { grade: "passing", weight: 1 } as const;

export const FAULTS: readonly FaultKind[] = [
  { name: "reset in the body", ...passing, make: ({ afterBytes }) => resetAfter(afterBytes) },
  { name: "close before the end", ...passing, make: ({ afterBytes }) => truncateAfter(afterBytes) },
  { name: "TLS end without notice", ...passing, make: ({ afterBytes }) => dropAfter(afterBytes) },
  { name: "death and return", ...passing, make: ({ afterBytes }) => dieAfter(afterBytes, 400) },
  { name: "silence in the body", ...rare, make: ({ afterBytes }) => stallAfter(afterBytes) },
  { name: "silence before the head", ...rare, make: () => stallHead("silent") },
  { name: "silence in the head", ...rare, make: () => stallHead("torn") },
  { name: "a few bytes a second", ...rare, make: ({ afterBytes }) => slowFrom(afterBytes, 50) },
  { name: "500", ...passing, make: () => status(500) },
  {
    name: "502 page",
    ...passing,
    make: () => status(502, { "Content-Type": "text/html" }, "<html>bad gateway</html>"),
  },
  { name: "503 with Retry-After", ...passing, make: () => retryAfter(1, 503) },
  { name: "503 without a word", ...passing, make: () => status(503) },
  { name: "429 with Retry-After", ...passing, make: () => retryAfter(1) },
  { name: "429 in RateLimit", ...passing, make: () => rateLimited(1) },
  { name: "429 until the year 2058", ...damning, weight: 1, make: () => retryAfter(1_000_000_000) },
  { name: "short body", ...passing, make: () => shortBody(1000) },
  { name: "long body", ...passing, make: () => longBody(1000) },
  { name: "long body, unannounced", ...passing, make: () => longBody(1000, false) },
  { name: "200 for a range", ...passing, make: () => ignoreRange },
  { name: "chunked", ...passing, make: () => chunked },
  { name: "416 for a good range", ...passing, make: () => status(416) },
  { name: "multipart/byteranges", ...passing, make: () => multipart },
  { name: "no Content-Range", ...passing, make: () => contentRange(() => null) },
  {
    name: "Content-Range without total",
    ...passing,
    make: () => contentRange((start, last) => `bytes ${start}-${last}/*`),
  },
  { name: "100 interim answers", ...passing, make: () => hints(100) },
  { name: "endless head", ...passing, make: () => hugeHeaders(40_000) },
  { name: "two lengths", ...passing, make: () => duplicateHeader("Content-Length", "17") },
  {
    name: "another Content-Range",
    ...damning,
    make: () => contentRange((start, last, total) => `bytes ${start + 1}-${last + 1}/${total}`),
  },
  {
    name: "another total",
    ...damning,
    make: () => contentRange((start, last, total) => `bytes ${start}-${last}/${total + 1}`),
  },
  { name: "another ETag", ...damning, make: () => etag('"another"') },
  { name: "gzip", ...damning, make: () => gzip },
  { name: "login page", ...damning, make: () => page() },
  { name: "git-lfs pointer", ...damning, make: ({ size }) => lfsPointer("0".repeat(64), size) },
  { name: "one wrong bit", ...damning, weight: 8, make: ({ offset }) => flip(offset) },
  { name: "wrong bytes", ...damning, make: () => flip("all") },
  { name: "401", ...damning, weight: 1, make: () => status(401), when: everyGet },
  { name: "403", ...damning, weight: 2, make: () => status(403), when: everyGet },
  { name: "404", ...damning, weight: 2, make: () => status(404), when: everyGet },
  { name: "451", ...damning, weight: 1, make: () => status(451), when: everyGet },
  {
    name: "redirect to a metadata service",
    ...damning,
    weight: 2,
    make: () => redirectTo("http://169.254.169.254/latest/meta-data/"),
    when: everything,
  },
  { name: "redirect to a file", ...damning, weight: 2, make: () => redirectTo("file:///etc/passwd"), when: everything },
  {
    name: "redirect to itself",
    ...damning,
    weight: 2,
    make: () => (reply, asked) => redirectTo(asked.url)(reply, asked),
    when: everything,
  },
];

/** Makes `origin` do it, `times` times (null: always). */
export function arm(
  origin: Pick<Origin, "faults">,
  fault: { readonly kind: FaultKind; readonly place: FaultPlace; readonly times: number | null },
): void {
  const { kind, place, times } = fault;
  const when = kind.when?.(place) ?? both(isRanged, covers(place.offset));
  if (times === null) origin.faults.add(when, kind.make(place));
  else origin.faults.add(when, kind.make(place), times);
}
