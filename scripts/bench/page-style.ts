/** How the report looks, by day and by night. */
export const STYLE: string = `
:root {
  color-scheme: light dark;
  --paper: #fbfaf7; --card: #ffffff; --ink: #1d2126; --soft: #5d6670; --rule: #e4e1d9;
  --ours: #0f766e; --rival: #b9c0c8; --limit: #d9b65c; --good: #166534; --good-back: #dcfce7; --bad: #9a3412; --bad-back: #ffedd5;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14171b; --card: #1b1f25; --ink: #e6e8eb; --soft: #98a2ad; --rule: #2c323a;
    --ours: #4fd1c0; --rival: #4b5662; --limit: #b08d3c; --good: #86efac; --good-back: #14361f; --bad: #fdba74; --bad-back: #40220f;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, -apple-system, "Segoe UI", sans-serif; }
main { max-width: 900px; margin: 0 auto; padding: 48px 20px 80px; }
header { margin-bottom: 40px; }
h1 { font-size: 2.1rem; letter-spacing: -0.02em; margin: 0 0 8px; }
h2 { font-size: 1.2rem; letter-spacing: -0.01em; margin: 0 0 6px; }
.lead { font-size: 1.15rem; margin: 0 0 4px; }
.meta, p { color: var(--soft); }
.lead { color: var(--ink); }
code { font: 0.9em ui-monospace, "SF Mono", Menlo, monospace; }
section { background: var(--card); border: 1px solid var(--rule); border-radius: 12px; padding: 22px 24px; margin: 0 0 20px; }
section > p { margin: 0 0 12px; font-size: 0.95rem; }
figure { margin: 12px 0 0; }
svg { width: 100%; height: auto; display: block; }
svg text { fill: var(--ink); font: 13px system-ui, sans-serif; }
svg .name { text-anchor: end; }
svg .value, svg .tick { fill: var(--soft); font-variant-numeric: tabular-nums; }
svg .tick { font-size: 11px; }
svg .ours rect { fill: var(--ours); } svg .rival rect { fill: var(--rival); } svg .limit rect { fill: var(--limit); }
svg .ours text.name { font-weight: 650; }
.dot { fill: none; stroke: var(--soft); stroke-width: 1.2; } .dot.on { fill: var(--soft); }
.grid { stroke: var(--rule); }
.line { fill: none; stroke: var(--soft); stroke-width: 1.6; }
.line.ours { stroke: var(--ours); stroke-width: 2.4; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 20px; font-size: 0.85rem; margin: 8px 0 0; }
.key { display: inline-flex; align-items: center; gap: 8px; } .key svg { width: 34px; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 0.87rem; }
th, td { text-align: left; padding: 6px 10px 6px 0; border-bottom: 1px solid var(--rule); vertical-align: top; }
th { font-weight: 600; } thead th { color: var(--soft); font-weight: 500; }
.n { font-variant-numeric: tabular-nums; white-space: nowrap; }
.pill { border-radius: 99px; padding: 1px 9px; font-size: 0.8rem; }
.pill.met { color: var(--good); background: var(--good-back); }
.pill.missed { color: var(--bad); background: var(--bad-back); }
.pill.none { color: var(--soft); }
details { margin-top: 12px; } summary { cursor: pointer; color: var(--soft); font-size: 0.9rem; }
.skipped { font-style: italic; }
`;
