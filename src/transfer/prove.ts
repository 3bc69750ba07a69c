/** How a whole file is proven: when its sha256 is wrong, one mirror after the other is asked alone until it is right. */
import type { Sha256 } from "../base/artifact.ts";
import { mapLimit } from "../base/flow.ts";
import type { ByteRange } from "../base/range.ts";
import type { Digest } from "../digest/digest.ts";
import { type Crosscheck, planCrosscheck } from "./crosscheck.ts";
import { blamesMirror, mismatch } from "./failures.ts";
import type { FetchJob } from "./fetch-job.ts";
import type { Rounds } from "./fetch-rounds.ts";
import type { Ledger } from "./ledger.ts";

export interface ProvePorts {
  readonly digest: Pick<Digest, "xxh64Range">;
  readonly ledger: Ledger;
  readonly rounds: Rounds;
  /** Where the bytes are. */
  readonly path: string;
}

/** What a source sent, remembered by its digest: wrong if the proven file has other bytes there. */
interface Evidence {
  readonly source: string;
  readonly range: ByteRange;
  readonly xxh64: string;
}

/** Ranges digested at a time: each holds a descriptor. */
const MOST_DIGESTS = 4;

/**
 * Fetches the file until its sha256 is the expected one.
 * @throws ModelsError `DIGEST_MISMATCH` when every mirror was asked alone in vain; whatever a round throws
 */
export async function prove(job: FetchJob, { digest, ledger, rounds, path }: ProvePorts): Promise<Sha256> {
  const tried = new Set<string>();
  const evidence: Evidence[] = [];
  let mayStartOver = ledger.resumedBytes > 0;
  let lastError: unknown = null;
  let seen = await rounds.fetchFrom(job.mirrors);

  const xxh64Of = ({ range }: { readonly range: ByteRange }): Promise<string> => digest.xxh64Range(path, range);
  const askAlone = async ({ keep, suspects }: Crosscheck): Promise<Sha256> => {
    tried.add(keep);
    const sent = suspects.flatMap(({ range }) => ledger.sentIn(range));
    const xxh64 = await mapLimit(sent, MOST_DIGESTS, xxh64Of);
    evidence.push(...sent.map((one, index) => ({ ...one, xxh64: xxh64[index] ?? "" })));
    rounds.takeBack(suspects.map(({ range }) => range));
    return await rounds.fetchFrom(job.mirrors.filter(({ source }) => source === keep));
  };
  while (job.sha256 !== null && seen !== job.sha256) {
    const isWhole = ledger.missingBytes() === 0;
    const usable = rounds.usable().map(({ source }) => source);
    // Bytes that all lay here before tell nothing about any mirror: then every one of them may help to start over.
    const isOld = mayStartOver && ledger.accounts.fetchedBytes() === 0;
    const plan = isOld ? null : planCrosscheck({ served: ledger.accounts.served(), usable, tried, isWhole });
    try {
      if (plan !== null) seen = await askAlone(plan);
      else if (mayStartOver) {
        // Bytes of an earlier run may have rotted on this disk: that blames nobody.
        mayStartOver = false;
        rounds.takeBack([{ start: 0, end: job.size }]);
        seen = await rounds.fetchFrom(rounds.usable());
      } else throw isWhole ? mismatch(job, seen) : lastError;
    } catch (error) {
      if (plan === null || !blamesMirror(error)) throw error;
      lastError = error;
    }
  }
  const xxh64 = await mapLimit(evidence, MOST_DIGESTS, xxh64Of);
  const liars = evidence.filter((one, index) => one.xxh64 !== xxh64[index]).map(({ source }) => source);
  for (const source of new Set(liars)) rounds.convict(source, "it sent wrong bytes, they were fetched again elsewhere");
  return seen;
}
