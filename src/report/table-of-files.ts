/** Values by name in the order in which they came, where a change makes a new table and costs little however many there are. Pure. */

/** Never changed: what was known before an event stays as it was. */
export interface Table<V> {
  readonly size: number;
  readonly get: (name: string) => V | undefined;
  readonly keys: () => Iterable<string>;
  readonly values: () => Iterable<V>;
  /** This table with `value` under `name`, in its old place or at the end. */
  readonly with: (name: string, value: V) => Table<V>;
}

/** A table with nothing in it. */
export function emptyTable<V>(): Table<V> {
  return tableOf(new Map(), [], 0);
}

/** A change copies one chunk, and the list of chunks. */
const CHUNK = 128;

type Chunks<V> = readonly (readonly V[])[];

/** @param places where each name stands; tables that follow from each other share it, and each knows the first `size` */
function tableOf<V>(places: Map<string, number>, chunks: Chunks<V>, size: number): Table<V> {
  const placeOf = (name: string): number => {
    const place = places.get(name);
    return place === undefined || place >= size ? -1 : place;
  };
  return {
    size,
    get: (name) => {
      const place = placeOf(name);
      return place < 0 ? undefined : chunks[Math.floor(place / CHUNK)]?.[place % CHUNK];
    },
    keys: () => [...places.keys()].slice(0, size),
    values: () => chunks.flat(),
    with: (name, value) => {
      const known = placeOf(name);
      if (known >= 0) return tableOf(places, changed(chunks, known, value), size);
      // Another table has followed from this one already: its names are not ours.
      const own = places.size === size ? places : new Map([...places].slice(0, size));
      own.set(name, size);
      return tableOf(own, changed(chunks, size, value), size + 1);
    },
  };
}

function changed<V>(chunks: Chunks<V>, place: number, value: V): Chunks<V> {
  const at = Math.floor(place / CHUNK);
  const chunk = [...(chunks[at] ?? [])];
  chunk[place % CHUNK] = value;
  const all = [...chunks];
  all[at] = chunk;
  return all;
}
