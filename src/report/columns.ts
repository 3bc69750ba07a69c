/** How the width of a terminal is shared among the columns of the bars. Pure. */

/** Widths in columns; 0 for what does not fit. */
export interface BarColumns {
  readonly name: number;
  readonly bar: number;
  readonly percent: number;
  readonly rate: number;
  readonly left: number;
  readonly tail: number;
}

/** Between two columns, and before the first (where a finished file has its sign). */
export const GAP: number = 2;

const PERCENT = 4;
const RATE = 9;
const LEFT = 9;
const NAME = { min: 6, share: 0.25 };
const BAR = { min: 8, max: 40 };
const TAIL = { min: 17, share: 0.5, max: 44 };

/** What is given up first on a narrow terminal: the mirrors, then the bar, the time left, the rate. */
const TIERS: readonly (readonly (keyof BarColumns)[])[] = [
  ["bar", "percent", "rate", "left", "tail"],
  ["bar", "percent", "rate", "left"],
  ["percent", "rate", "left"],
  ["percent", "rate"],
  ["percent"],
  [],
];

const FIXED: Readonly<Record<keyof BarColumns, number>> = {
  name: 0,
  bar: BAR.min,
  percent: PERCENT,
  rate: RATE,
  left: LEFT,
  tail: TAIL.min,
};

/** Shares `width` columns; they and their gaps never add up to more. `longestName` is the width of the widest name. */
export function shareColumns(width: number, longestName: number): BarColumns {
  const wish = Math.min(longestName, Math.max(12, Math.floor(width * NAME.share)));
  const name = Math.max(1, Math.min(wish, width - GAP));
  for (const tier of TIERS) {
    const spare = width - GAP - name - tier.reduce((sum, column) => sum + GAP + FIXED[column], 0);
    if (spare >= 0) return spread(name, tier, spare);
  }
  // Not even a name and a percentage: cut the name.
  const short = width - GAP - GAP - PERCENT;
  return short >= NAME.min ? spread(short, ["percent"], 0) : spread(name, [], 0);
}

/** What is to spare goes to the tail and the bar, up to where more would not help. */
function spread(name: number, tier: readonly (keyof BarColumns)[], spare: number): BarColumns {
  const has = (column: keyof BarColumns): number => (tier.includes(column) ? FIXED[column] : 0);
  const forTail = has("tail") && Math.min(TAIL.max - TAIL.min, Math.floor(spare * TAIL.share));
  const forBar = has("bar") && Math.min(BAR.max - BAR.min, spare - forTail);
  return {
    name,
    bar: has("bar") + forBar,
    percent: has("percent"),
    rate: has("rate"),
    left: has("left"),
    tail: has("tail") + forTail,
  };
}
