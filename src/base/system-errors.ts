/** What the system's errors are called, also the one that Node has no name for. */

/** A used-up quota is `EDQUOT`: 122 on Linux, 69 on macOS. libuv does not know it, so that Node calls it `UNKNOWN`. */
const QUOTA_NUMBERS: ReadonlySet<unknown> = new Set([-122, -69]);

/** The system's code of an error (`ENOENT`), or an empty text. */
export function systemCode(error: unknown): string {
  if (!(error instanceof Error)) return "";
  const { code, errno } = error as NodeJS.ErrnoException;
  if (code === "UNKNOWN" && QUOTA_NUMBERS.has(errno)) return "EDQUOT";
  return typeof code === "string" ? code : "";
}

/** Whether `code` says that there is too little room. */
export const isFull = (code: string): boolean => code === "ENOSPC" || code === "EDQUOT";
