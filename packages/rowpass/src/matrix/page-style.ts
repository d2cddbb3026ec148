/**
 * How the page looks: paper and ink, one colour for access, one for access across tenants; light, dark and in print.
 */

/** The style of the page, as it stands there. */
export const pageStyle = `
:root {
  color-scheme: light dark;
  --desk: light-dark(#f6f6f2, #14171b);
  --paper: light-dark(#fefefd, #1b1f24);
  --sunken: light-dark(#f3f3ef, #15181c);
  --ink: light-dark(#1e252c, #e8ebee);
  --soft: light-dark(#55606b, #a5afb9);
  --rule: light-dark(#dcdfe2, #343b43);
  --open: light-dark(#0c5a44, #7fd8b4);
  --open-wash: light-dark(#e4f3ec, #17352b);
  --bad: light-dark(#a1120f, #ffb4a8);
  --bad-wash: light-dark(#fdecea, #411a18);
  --bad-fill: light-dark(#b3261e, #8c1d18);
  --odd: light-dark(#7a4a00, #f0c474);
  --odd-wash: light-dark(#fdf3df, #35290f);
  --sans: ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  --mono: ui-monospace, "SF Mono", "Cascadia Code", Menlo, Consolas, "DejaVu Sans Mono", monospace;
}
*, *::before, *::after { box-sizing: border-box; }
[hidden] { display: none !important; }
body {
  margin: 0 auto; max-width: 76rem; padding: clamp(1.25rem, 3vw, 2.75rem) clamp(1rem, 4vw, 3rem) 4rem;
  background: var(--desk); color: var(--ink); font: 0.9375rem/1.5 var(--sans);
}
h1, h2, h3, p, dl, dd, ul, pre { margin: 0; }
code, pre { font-family: var(--mono); font-size: 0.8125rem; overflow-wrap: anywhere; }
a { color: inherit; text-underline-offset: 0.18em; }
:focus-visible { outline: 2px solid var(--open); outline-offset: 2px; }
.kind { color: var(--soft); font-size: 0.8125rem; font-weight: 600; }
h1 { margin: 0.2rem 0 1.25rem; font-size: clamp(1.6rem, 1.1rem + 2vw, 2.4rem); line-height: 1.12; letter-spacing: -0.025em; text-wrap: balance; overflow-wrap: anywhere; }
h2 { font-size: 1.125rem; line-height: 1.3; letter-spacing: -0.01em; overflow-wrap: anywhere; }
h3 { margin: 1.25rem 0 0.4rem; font-size: 0.8125rem; font-weight: 600; color: var(--soft); }
dl { display: flex; flex-wrap: wrap; gap: 0.75rem 2.25rem; }
dt { color: var(--soft); font-size: 0.8125rem; }
dd { font-weight: 550; overflow-wrap: anywhere; }
.note { color: var(--soft); font-size: 0.8125rem; margin-top: 0.35rem; max-width: 76ch; }

.verdict { margin: 1.75rem 0; padding: 1rem 1.25rem; border: 1px solid var(--rule); border-left: 5px solid var(--soft); border-radius: 6px; background: var(--paper); }
.verdict p { margin-top: 0.4rem; color: var(--soft); }
.verdict.good { border-left-color: var(--open); }
.verdict.good h2 { color: var(--open); }
.verdict.bad { border-left-color: var(--bad-fill); }
.verdict.bad h2 { color: var(--bad); }
.verdict ul { margin: 0.6rem 0 0; padding: 0; list-style: none; display: grid; gap: 0.6rem; }
.verdict ul ul { margin: 0.15rem 0 0; padding-left: 0.9rem; gap: 0.1rem; font-size: 0.875rem; }
.verdict li > span { color: var(--soft); }
.command { font: 600 0.75rem var(--mono); text-transform: uppercase; }

.controls { position: sticky; top: 0; z-index: 1; display: flex; flex-wrap: wrap; align-items: center; gap: 0.5rem 1.25rem; margin: 0 -0.5rem 1.25rem; padding: 0.6rem 0.5rem; background: var(--desk); border-bottom: 1px solid var(--rule); font-size: 0.875rem; color: var(--soft); }
.controls select, .controls input[type="search"] { margin-left: 0.35rem; max-width: 15rem; padding: 0.3rem 0.5rem; border: 1px solid var(--rule); border-radius: 5px; background: var(--paper); color: var(--ink); font: inherit; }
.check { display: flex; align-items: center; gap: 0.4rem; }

section.table { margin-bottom: 1.5rem; padding: 1rem 1.25rem 1.1rem; border: 1px solid var(--rule); border-radius: 8px; background: var(--paper); break-inside: avoid; }
.facts { color: var(--soft); font-size: 0.8125rem; margin-top: 0.1rem; }
table { width: 100%; border-collapse: collapse; table-layout: fixed; margin-top: 0.75rem; }
thead th { padding: 0 0.35rem 0.35rem; color: var(--soft); font: 600 0.75rem var(--mono); text-align: left; }
thead th:first-child { width: 28%; padding-left: 0; font-family: var(--sans); }
tbody th { padding: 0.25rem 0.75rem 0.25rem 0; font-weight: 500; text-align: left; vertical-align: middle; overflow-wrap: anywhere; border-top: 1px solid var(--rule); }
td { padding: 0.25rem 0.2rem; border-top: 1px solid var(--rule); vertical-align: middle; }
td button { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0 0.45rem; width: 100%; min-height: 2rem; padding: 0.3rem 0.55rem; border: 1px solid transparent; border-radius: 5px; background: none; color: var(--soft); font: inherit; line-height: 1.35; text-align: left; cursor: pointer; }
td button:hover { border-color: var(--soft); }
td button b { font-weight: 600; font-variant-numeric: tabular-nums; }
td button span { font-size: 0.8125rem; }
button.shut b { font-weight: 400; }
button.open { background: var(--open-wash); color: var(--open); }
button.odd { border: 1px dashed var(--odd); background: var(--odd-wash); color: var(--odd); }
button.crossing { background: var(--bad-fill); color: #fff; }
button.crossing b::before { content: "! "; font-weight: 800; }

details { margin-bottom: 1.5rem; }
summary { padding: 0.9rem 1.25rem; border: 1px solid var(--rule); border-radius: 8px; background: var(--paper); color: var(--soft); cursor: pointer; }
details[open] summary { margin-bottom: 1.5rem; }

footer { margin-top: 2.5rem; }
footer h2 { margin: 1.5rem 0 0.5rem; }
footer ul { padding-left: 1.1rem; display: grid; gap: 0.35rem; max-width: 80ch; color: var(--soft); }
footer b { color: var(--ink); font-weight: 600; }
.identities { background: none; }
.identities td { padding-right: 0.75rem; font-size: 0.8125rem; }
.identities thead th { font-family: var(--sans); padding-left: 0.2rem; }
.identities thead th:nth-child(2) { width: 14%; }

dialog { width: min(46rem, calc(100vw - 2rem)); max-height: min(46rem, calc(100dvh - 2rem)); padding: 1.25rem 1.5rem 1.5rem; border: 1px solid var(--rule); border-radius: 10px; background: var(--paper); color: var(--ink); overflow: auto; }
dialog::backdrop { background: rgb(0 0 0 / 0.45); }
dialog form { float: right; margin: -0.4rem -0.6rem 0 0.5rem; }
dialog form button { width: 2.25rem; height: 2.25rem; border: 0; border-radius: 6px; background: none; color: var(--soft); font-size: 1.25rem; cursor: pointer; }
dialog form button:hover { background: var(--sunken); }
.sentence { margin-top: 0.6rem; font-weight: 550; }
.sentence.crossing { color: var(--bad); }
.policies { display: flex; flex-wrap: wrap; gap: 0.35rem; }
.policies code { padding: 0.1rem 0.45rem; border: 1px solid var(--rule); border-radius: 4px; }
.attempt { padding: 0.55rem 0; border-top: 1px solid var(--rule); }
.attempt p { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0 1rem; font-size: 0.8125rem; }
.attempt p span { color: var(--soft); }
.attempt pre { margin-top: 0.3rem; padding: 0.45rem 0.6rem; border-radius: 5px; background: var(--sunken); white-space: pre-wrap; }
.attempt p.error { margin-top: 0.3rem; color: var(--odd); overflow-wrap: anywhere; }

@media (max-width: 44rem) {
  section.table { padding: 0.9rem 0.85rem; }
  table, tbody, tr, td, tbody th { display: block; width: auto; }
  thead { position: absolute; clip-path: inset(50%); width: 1px; height: 1px; overflow: hidden; }
  tbody tr { padding: 0.5rem 0 0.6rem; border-top: 1px solid var(--rule); display: grid; grid-template-columns: 1fr 1fr; gap: 0.35rem; }
  tbody th { grid-column: 1 / -1; border: 0; padding: 0; }
  td, tbody th { min-width: 0; }
  td { border: 0; padding: 0; }
  td::before { content: attr(data-command); display: block; color: var(--soft); font: 600 0.6875rem/1.5 var(--mono); }
  .identities tbody tr { grid-template-columns: 1fr; }
  .controls { position: static; }
  .controls label { flex: 1 1 100%; min-width: 0; display: flex; align-items: center; }
  .controls select, .controls input[type="search"] { flex: 1 1 0; width: 0; min-width: 0; max-width: none; }
}

@media print {
  :root { color-scheme: light; }
  body { max-width: none; padding: 0; background: none; font-size: 9.5pt; }
  .controls, dialog { display: none !important; }
  section.table { padding: 0.5rem 0 0.75rem; border: 0; border-top: 1px solid var(--rule); border-radius: 0; }
  td button { min-height: 0; padding: 0.1rem 0.3rem; }
  button.open, button.crossing, button.odd { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
`
