/** Faults of what is answered: another status, another head, another body than was asked for. */
import {
  after,
  always,
  chunked,
  contentRange,
  duplicateHeader,
  etag,
  type Fault,
  flip,
  gzip,
  headers,
  hints,
  hugeHeaders,
  ignoreRange,
  isRanged,
  lfsPointer,
  longBody,
  multipart,
  page,
  rateLimited,
  retryAfter,
  shortBody,
  status,
} from "../../tests/origins/index.ts";
import { few, some, soon } from "./connection-faults.ts";
import type { Course, TortureFault } from "./fault.ts";

const s3Error = (code: number, name: string): Fault =>
  status(code, { "Content-Type": "application/xml" }, `<Error><Code>${name}</Code></Error>`);

/** A fault of a few answers, and the same fault of all of them. */
function both(id: string, says: string, fault: Fault, course: Course, isLie = false): readonly TortureFault[] {
  return [
    { id, says, course: "passes", isLie, apply: (site, draw) => site.add(some(draw), fault) },
    { id: `${id}-always`, says: `${says}, always`, course, isLie, apply: (site) => site.add(isRanged, fault) },
  ];
}

/** A refusal, from the Hub at either of its two hosts. */
function refusals(code: number, says: string): readonly TortureFault[] {
  const fault = status(code);
  return [
    {
      id: `${code}`,
      says,
      course: "passes",
      apply: (site, draw) => site.add(some(draw), fault, { at: draw.chance(0.5) ? site.door : site.content }),
    },
    {
      id: `${code}-always`,
      says: `${says}, always`,
      course: "fatal",
      apply: (site, draw) => site.add(always, fault, { at: draw.chance(0.5) ? site.door : site.content }),
    },
  ];
}

/** A busy server: it says so a few times. */
function busy(id: string, says: string, fault: Fault, most = 3): TortureFault {
  return {
    id,
    says,
    course: "passes",
    apply: (site, draw) => {
      const at = draw.chance(0.3) ? site.door : site.content;
      const from = soon(draw);
      const times = draw.whole(1, most);
      site.add(after(always, from - 1), fault, { times, at });
    },
  };
}

const compose =
  (outer: Fault, inner: Fault): Fault =>
  (reply, asked) =>
    outer(inner(reply, asked), asked);

const STATUSES: readonly TortureFault[] = [
  ...refusals(401, "not authenticated"),
  ...refusals(403, "forbidden"),
  ...refusals(404, "not found"),
  ...refusals(410, "gone"),
  ...refusals(451, "withheld for legal reasons"),
  busy("429-hub", "429 in the Hub's words, a second to wait", rateLimited(1), 2),
  busy("429-seconds", "429 with Retry-After in seconds", retryAfter(1), 2),
  {
    ...busy("429-date", "429 with Retry-After as a date", status(429)),
    // The date is made when the answer is.
    apply: (site, draw) =>
      site.add(some(draw), (reply, asked) =>
        retryAfter(new Date(Date.parse(dateOf(reply.headers)) + 2_000).toUTCString())(reply, asked),
      ),
  },
  busy("429-absurd", "429 that asks to wait for thirty years", retryAfter(1e9), 1),
  busy("503-burst", "503 SlowDown, several in a row", s3Error(503, "SlowDown"), 4),
  busy("500", "500 Internal Server Error", status(500)),
  busy("408", "408 Request Timeout", status(408)),
  {
    id: "skewed",
    says: "403 RequestTimeTooSkewed",
    course: "fatal",
    kinds: ["s3"],
    apply: (site) => site.add(isRanged, s3Error(403, "RequestTimeTooSkewed")),
  },
  {
    id: "expired-link",
    says: "signed links run out in the middle of the file",
    course: "passes",
    kinds: ["hub"],
    apply: (site, draw) => {
      for (let left = few(draw), at = 1; left > 0; left -= 1) {
        at += draw.whole(1, 3);
        let seen = 0;
        const due = at;
        site.content.before(isRanged, () => {
          seen += 1;
          if (seen === due) site.expireLinks();
        });
      }
    },
  },
];

function dateOf(pairs: readonly (readonly [string, string])[]): string {
  return pairs.find(([name]) => name.toLowerCase() === "date")?.[1] ?? new Date().toUTCString();
}

const HEADS: readonly TortureFault[] = [
  ...both("ignores-range", "200 with the whole file instead of 206", ignoreRange, "bearable", true),
  ...both(
    "range-shifted",
    "Content-Range with another start and end",
    contentRange((start, last, total) => `bytes ${start + 1}-${last + 1}/${total}`),
    "fatal",
  ),
  ...both(
    "range-total",
    "Content-Range with another total",
    contentRange((start, last, total) => `bytes ${start}-${last}/${total + 1}`),
    "fatal",
  ),
  ...both(
    "range-star",
    "Content-Range without a total",
    contentRange((start, last) => `bytes ${start}-${last}/*`),
    "fatal",
  ),
  ...both(
    "range-unsatisfied",
    "206 with Content-Range: bytes */N",
    contentRange((_start, _last, total) => `bytes */${total}`),
    "fatal",
  ),
  ...both(
    "range-missing",
    "206 without Content-Range",
    contentRange(() => null),
    "fatal",
  ),
  ...both("multipart", "multipart/byteranges instead of the range", multipart, "fatal"),
  ...both("416", "416 for a range that exists", status(416), "fatal"),
  ...both("412", "412 Precondition Failed: the object was replaced", status(412), "fatal"),
  {
    id: "etag-changes",
    says: "another ETag from some range on",
    course: "passes",
    isLie: true,
    apply: (site, draw) => site.add(after(isRanged, draw.whole(1, 3)), etag('"another"'), { times: few(draw) }),
  },
  ...both(
    "duplicate-length",
    "Content-Length twice, with two values",
    duplicateHeader("Content-Length", "17"),
    "fatal",
  ),
  ...both("huge-head", "a head of 40 kB", hugeHeaders(40_000), "fatal-slowly"),
  ...both("hints-flood", "fifty interim answers before the real one", hints(50), "fatal-slowly"),
  {
    id: "x-cache",
    says: "the CDN calls itself a cache in a header",
    course: "bearable",
    apply: (site) => site.add(always, headers({ "X-Cache": "Hit from cloudfront" })),
  },
];

const BODIES: readonly TortureFault[] = [
  ...both("short-body", "fewer bytes than Content-Range says", shortBody(1_000), "fatal-slowly"),
  ...both("long-body", "more bytes than the range, announced", longBody(1_000), "fatal"),
  ...both("long-body-silent", "more bytes than the range, not announced", longBody(1_000, false), "fatal-slowly"),
  ...both("gzip", "Content-Encoding: gzip on weights", gzip, "fatal"),
  ...both("brotli-head", "Content-Encoding: br on weights", headers({ "Content-Encoding": "br" }), "fatal"),
  ...both("chunked", "chunked, without a length", chunked, "bearable"),
  ...both(
    "endless",
    "chunked, and far more than was asked for",
    compose(chunked, longBody(64_000_000)),
    "fatal-slowly",
  ),
  ...both("page", "200 and a page for people", page(), "fatal", true),
  ...both(
    "lfs-pointer",
    "200 and the text that git keeps in place of the file",
    lfsPointer("0".repeat(64), 1),
    "fatal",
    true,
  ),
  {
    id: "one-bit",
    says: "one wrong bit, once",
    course: "passes",
    isLie: true,
    apply: (site, draw) => site.add(some(draw), flip(draw.whole(100_000, 900_000))),
  },
  {
    id: "wrong-bytes",
    says: "the right length and wrong bytes, always",
    course: "fatal",
    isLie: true,
    apply: (site) => site.add(isRanged, flip("all")),
  },
  {
    id: "one-bit-always",
    says: "one wrong bit, always the same",
    course: "fatal",
    isLie: true,
    apply: (site, draw) => site.add(isRanged, flip(draw.whole(100_000, 900_000))),
  },
];

export const ANSWER_FAULTS: readonly TortureFault[] = [...STATUSES, ...HEADS, ...BODIES];
