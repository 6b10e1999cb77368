/** The bill page's look: light and dark by the reader's preference, and plain on paper. */
export const billStyle = `
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #5b6570; --line: #dfe3e8; --paper: #ffffff; --ground: #f4f5f7;
  --good: #14713d; --good-ground: #e5f4ea; --warn: #8a5300; --warn-ground: #fdf1dc; --bad: #a8201a; --bad-ground: #fce8e6; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ed; --soft: #98a2ad; --line: #323a43; --paper: #1a1f25;
  --ground: #11151a; --good: #7fd6a0; --good-ground: #14301f; --warn: #f2c277; --warn-ground: #352610; --bad: #ff9d95; --bad-ground: #3b1917; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.55 system-ui, "Segoe UI", Roboto, "Helvetica Neue", sans-serif;
  font-variant-numeric: tabular-nums; }
main { max-width: 60rem; margin: 2.5rem auto; padding: 2.5rem 3rem; background: var(--paper); border: 1px solid var(--line); border-radius: 12px; }
.kicker { margin: 0; color: var(--soft); font-size: .875rem; }
h1 { margin: .1rem 0 1.25rem; font-size: 2rem; line-height: 1.2; letter-spacing: -.015em; overflow-wrap: anywhere; }
h2 { margin: 2.75rem 0 1rem; padding-top: 1.5rem; border-top: 1px solid var(--line); font-size: 1.25rem; letter-spacing: -.01em; }
h3 { margin: 0; color: var(--soft); font-size: .8125rem; font-weight: 500; }
.verdict { display: flex; gap: .9rem; margin: 0; padding: 1rem 1.25rem; border-radius: 8px; font-size: 1.125rem; font-weight: 550; overflow-wrap: anywhere; }
.verdict span { flex: none; width: 1.75rem; height: 1.75rem; border-radius: 50%; background: currentColor; text-align: center; line-height: 1.75rem; -webkit-text-fill-color: var(--paper); font-weight: 700; }
.verdict.good { color: var(--good); background: var(--good-ground); }
.verdict.warn { color: var(--warn); background: var(--warn-ground); }
.verdict.bad { color: var(--bad); background: var(--bad-ground); }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: 1.5rem; margin: 1.75rem 0 0; }
.figure { margin: .1rem 0; font-size: 1.625rem; font-weight: 600; line-height: 1.25; letter-spacing: -.015em; }
.note { color: var(--soft); font-size: .875rem; margin: 0; }
dl { display: grid; grid-template-columns: 9rem 1fr; gap: .45rem 1rem; margin: 1rem 0; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; margin: 1.5rem 0 .5rem; }
table { width: 100%; border-collapse: collapse; font-size: .9375rem; }
caption { padding-bottom: .4rem; text-align: left; font-weight: 600; }
th { color: var(--soft); font-size: .8125rem; font-weight: 500; }
th, td { padding: .4rem .75rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
th:first-child, td:first-child { padding-left: 0; } th:last-child, td:last-child { padding-right: 0; }
.n { text-align: right; white-space: nowrap; }
.problems table { font-size: .875rem; } .problems td:first-child { min-width: 11rem; } .problems td:nth-child(2) { min-width: 6.5rem; }
.none { color: var(--soft); }
code, pre { font: .875em/1.5 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
.digest { color: var(--soft); }
pre { padding: .75rem 1rem; border: 1px solid var(--line); border-radius: 8px; background: var(--ground); overflow-x: auto; }
.tag { padding: .1rem .55rem; border: 1px solid var(--line); border-radius: 1rem; color: var(--soft); font-size: .75rem; font-weight: 500; letter-spacing: 0; vertical-align: middle; }
.tag.warning { color: var(--warn); } .tag.error { color: var(--bad); }
.findings { margin: 0; padding: 0; list-style: none; } .findings li { margin: .6rem 0; }
@media (max-width: 40rem) { main { margin: 0; padding: 1.25rem 1rem; border: 0; border-radius: 0; } h1 { font-size: 1.5rem; }
  dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: .7rem; } .verdict { font-size: 1rem; padding: .85rem 1rem; } .cards { gap: 1rem; grid-template-columns: repeat(2, 1fr); } }
@media print { :root { --ink: #000; --soft: #444; --line: #bbb; --paper: #fff; --ground: #fff; --good: #0b5a2e; --warn: #6b4100; --bad: #8c1712;
  --good-ground: #fff; --warn-ground: #fff; --bad-ground: #fff; color-scheme: light; }
  @page { margin: 16mm; } body { font-size: 10.5pt; } main { max-width: none; margin: 0; padding: 0; border: 0; }
  .verdict { border: 1.5px solid currentColor; } .scroll { overflow: visible; } tr, dl, .cards { break-inside: avoid; } h2 { break-after: avoid; } thead { display: table-header-group; } }
`;
