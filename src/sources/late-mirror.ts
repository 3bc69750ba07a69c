/** A mirror that had not answered when others had: they begin, and it joins them when it answers. */
import type { LateMirror, Mirror } from "../base/mirror.ts";

/** Who hears of late mirrors. */
export interface LateMirrors {
  /** Called with each when it is no longer waited for. */
  readonly onLeft: (mirror: LateMirror) => void;
  /** Called when one has been opened for the first time. */
  readonly onJoined: (mirror: LateMirror) => void;
}

/** Its figures are those of `known` until it is opened. */
export function lateMirror(
  answer: Promise<{ readonly mirror: Mirror }>,
  known: Pick<LateMirror, "label" | "source" | "size">,
  ports: Pick<LateMirrors, "onJoined"> & { readonly silentMs: () => number },
): LateMirror {
  let found: Mirror | null = null;
  let isSilent = true;
  const late: LateMirror = {
    ...known,
    get sha256() {
      return found?.sha256 ?? null;
    },
    get revision() {
      return found?.revision ?? null;
    },
    whole: null,
    silentMs: () => (isSilent ? ports.silentMs() : null),
    open: async (signal, refused) => {
      const isFirst = found === null;
      found = (await answer).mirror;
      const endpoint = await found.open(signal, refused);
      if (isFirst) ports.onJoined(late);
      return endpoint;
    },
  };
  const heard = (): void => {
    isSilent = false;
  };
  // Nobody may ever open it: then what is wrong with it is of no interest.
  answer.then(heard, heard);
  return late;
}
