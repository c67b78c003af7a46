"""The report's style sheet: light, dark, phone and print; no font, picture or rule from anywhere else.

Text keeps a contrast above 4.5 to 1 on its ground in both schemes, the two series of a plot above 3 to 1; the series
differ in lightness, and lines in dashes, so that no one needs to tell colours apart (WCAG 2.2: 1.4.1, 1.4.3, 1.4.11).
"""

from __future__ import annotations

from typing import Final

STYLE: Final = """\
:root {
  --ground: #ffffff; --card: #f3f5f8; --ink: #16202c; --soft: #4f5b69; --edge: #c9d0d9;
  --before: #7d8b9d; --after: #0b5cad; --badge: #fff1cc; --badge-ink: #5c4300;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #11161c; --card: #1b222b; --ink: #e8edf2; --soft: #a9b4c0; --edge: #3a4552;
    --before: #66748a; --after: #7db8f5; --badge: #3d3110; --badge-ink: #ffe08a;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--ground); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
}
main { max-width: 880px; margin: 0 auto; padding: 24px 16px 64px; }
p, ul, h1 { max-width: 728px; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0 0 12px; overflow-wrap: break-word; }
h2 { font-size: 1.25rem; margin: 40px 0 8px; padding-top: 16px; border-top: 1px solid var(--edge); }
h3 { font-size: 1rem; margin: 16px 0 4px; }
p, ul { margin: 8px 0; }
ul { padding-left: 1.2em; }
li { margin: 4px 0; }
a { color: var(--after); }
.over { color: var(--soft); margin: 0 0 4px; }
.lead { font-size: 1.25rem; font-weight: 600; line-height: 1.4; margin: 16px 0 8px; }
.lead2 { font-size: 1.05rem; }
.badge {
  display: inline-block; background: var(--badge); color: var(--badge-ink);
  padding: 4px 10px; border-radius: 4px; font-weight: 600; margin: 0;
}
.note { color: var(--soft); font-size: 0.9rem; }
.cards {
  display: grid; grid-template-columns: repeat(auto-fit, minmax(240px, 1fr)); gap: 10px; margin: 20px 0 0;
}
.cards div {
  background: var(--card); border-radius: 6px; padding: 10px 14px;
  display: flex; flex-direction: column-reverse; justify-content: flex-end;
}
.cards dt { color: var(--soft); font-size: 0.85rem; overflow-wrap: anywhere; }
.cards dd { margin: 0; font-size: 1.2rem; font-weight: 600; font-variant-numeric: tabular-nums; }
figure { margin: 16px 0 8px; break-inside: avoid; }
figcaption { font-weight: 600; margin-bottom: 6px; }
svg { display: block; max-width: 100%; height: auto; }
svg text {
  fill: var(--ink); font-variant-numeric: tabular-nums;
  font: 12px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
}
svg .before { fill: var(--before); }
svg .after { fill: var(--after); }
svg .line { fill: none; stroke-width: 2.5; }
svg .line.before { stroke: var(--before); stroke-dasharray: 6 4; }
svg .line.after { stroke: var(--after); }
svg .grid { stroke: var(--edge); stroke-width: 1; }
svg .ground { stroke: var(--soft); stroke-width: 1; }
.narrow { display: none; }
.scroll { overflow-x: auto; margin: 12px 0; }
.scroll:focus-visible { outline: 2px solid var(--after); outline-offset: 2px; }
table { border-collapse: collapse; width: 100%; font-size: 0.88rem; }
caption { text-align: left; font-weight: 600; padding: 4px 0; position: sticky; left: 0; }
th, td { text-align: left; vertical-align: top; padding: 5px 10px 5px 0; border-bottom: 1px solid var(--edge); }
thead th { vertical-align: bottom; color: var(--soft); font-weight: 600; }
tbody th { font-weight: 500; }
tbody th.k { white-space: nowrap; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
td.n { white-space: nowrap; }
td, tbody th { overflow-wrap: break-word; }
small { color: var(--soft); }
@media (max-width: 620px) {
  main { padding: 16px 12px 48px; }
  h1 { font-size: 1.35rem; }
  .lead { font-size: 1.1rem; }
  .cards { grid-template-columns: 1fr 1fr; }
  .cards dd { font-size: 1.05rem; }
  .wide, th.x, td.x { display: none; }
  .narrow { display: block; }
  th, td { padding-right: 8px; }
}
@media print {
  :root {
    --ground: #fff; --card: #fff; --ink: #000; --soft: #333; --edge: #999;
    --before: #aaa; --after: #0b4a8a; --badge: #fff; --badge-ink: #000;
  }
  main { max-width: none; padding: 0; }
  .cards div, .badge { border: 1px solid #999; }
  .scroll { overflow: visible; }
  table { font-size: 8.5pt; }
  tr, figure { break-inside: avoid; }
  h2 { break-after: avoid; }
  svg .before, svg .after { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
"""
