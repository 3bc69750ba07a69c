/** The two charts of the report, as inline SVG that takes its colours from the page: bars of times, lines of rates. */

import { seconds } from "./figures.ts";
import { bySpeed } from "./markdown.ts";
import type { Outcome, Series } from "./terms.ts";

const WIDTH = 760;
const LABEL = 220;
const ROW = 26;

export const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");

/** One bar for each who finished, fastest first. A filled dot says that the digest was compared. */
export function barChart(outcomes: readonly Outcome[]): string {
  const rows = outcomes.filter(({ median }) => median !== null).sort(bySpeed);
  if (rows.length === 0) return "";
  const longest = Math.max(...rows.map(({ median }) => median?.wallMs ?? 0));
  const scale = (WIDTH - LABEL - 90) / longest;
  const bars = rows.map((row, at) => bar(row, { y: at * ROW, scale }));
  return svg(rows.length * ROW + 4, "wall time of each contender", bars.join(""));
}

function bar(
  { name, kind, isVerifying, median }: Outcome,
  { y, scale }: { readonly y: number; readonly scale: number },
): string {
  const ms = median?.wallMs ?? 0;
  const width = Math.max(2, ms * scale);
  const middle = y + ROW / 2;
  const dot = `<circle class="${isVerifying ? "dot on" : "dot"}" cx="${LABEL - 10}" cy="${middle}" r="3.5"/>`;
  return `<g class="${kind}"><text class="name" x="${LABEL - 22}" y="${middle + 4}">${escaped(name)}</text>${dot}<rect x="${LABEL}" y="${y + 5}" width="${width.toFixed(1)}" height="${ROW - 10}" rx="3"/><text class="value" x="${(LABEL + width + 8).toFixed(1)}" y="${middle + 4}">${seconds(ms)}</text></g>`;
}

const HEIGHT = 220;
const LEFT = 60;
const BOTTOM = 28;
const DASHES = ["", "6 4", "2 3", "9 3 2 3", "1 4", "12 4"] as const;

/** Megabytes a second over seconds; ours is solid. */
export function lineChart(series: readonly Series[]): string {
  const drawn = series.filter(({ points }) => points.length > 1);
  if (drawn.length === 0) return "";
  const lastMs = Math.min(20_000, Math.max(...drawn.flatMap(({ points }) => points.map(([at]) => at))));
  const most = Math.max(...drawn.flatMap(({ points }) => points.map(([, rate]) => rate))) / 1e6;
  const x = (ms: number): number => LEFT + (ms / lastMs) * (WIDTH - LEFT - 20);
  const y = (rate: number): number => HEIGHT - BOTTOM - (rate / 1e6 / most) * (HEIGHT - BOTTOM - 14);
  const lines = drawn.map((one, at) => {
    const path = one.points
      .filter(([ms]) => ms <= lastMs)
      .map(([ms, rate], index) => `${index === 0 ? "M" : "L"}${x(ms).toFixed(1)} ${y(rate).toFixed(1)}`);
    return `<path class="line ${one.kind}" stroke-dasharray="${DASHES[at % DASHES.length]}" d="${path.join("")}"/>`;
  });
  return `${svg(HEIGHT, "rate over time", [...grid({ most, lastMs, x, y }), ...lines].join(""))}${legend(drawn)}`;
}

interface Axes {
  readonly most: number;
  readonly lastMs: number;
  readonly x: (ms: number) => number;
  readonly y: (rate: number) => number;
}

function grid({ most, lastMs, x, y }: Axes): readonly string[] {
  const step = niceStep(most / 4);
  const rates = Array.from({ length: Math.floor(most / step) + 1 }, (_, at) => at * step);
  const across = rates.map(
    (rate) =>
      `<line class="grid" x1="${LEFT}" x2="${WIDTH - 20}" y1="${y(rate * 1e6).toFixed(1)}" y2="${y(rate * 1e6).toFixed(1)}"/><text class="tick" x="${LEFT - 8}" y="${(y(rate * 1e6) + 4).toFixed(1)}" text-anchor="end">${rate}${rate === 0 ? "" : " MB/s"}</text>`,
  );
  const every = niceStep(lastMs / 1000 / 6);
  const times = Array.from({ length: Math.floor(lastMs / 1000 / every) + 1 }, (_, at) => at * every);
  const below = times.map(
    (at) => `<text class="tick" x="${x(at * 1000).toFixed(1)}" y="${HEIGHT - 8}" text-anchor="middle">${at} s</text>`,
  );
  return [...across, ...below];
}

/** 1, 2 or 5 times a power of ten. */
function niceStep(wish: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(wish, 0.1)));
  return Number(([1, 2, 5, 10].find((factor) => factor * power >= wish) ?? 10) * power);
}

function legend(series: readonly Series[]): string {
  const entries = series.map(
    ({ name, kind }, at) =>
      `<span class="key ${kind}"><svg width="34" height="8" aria-hidden="true"><path class="line ${kind}" stroke-dasharray="${DASHES[at % DASHES.length]}" d="M0 4L34 4"/></svg>${escaped(name)}</span>`,
  );
  return `<p class="legend">${entries.join("")}</p>`;
}

const svg = (height: number, label: string, inside: string): string =>
  `<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${label}">${inside}</svg>`;
