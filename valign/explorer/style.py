"""How the page looks."""

from valign.results import palette

CSS = (
    f"""
:root {{ --ink: {palette.INK}; --muted: {palette.MUTED}; --main: {palette.MAIN}; --line: {palette.GRID};
  --changed: {palette.PINNED}; --chosen: {palette.CHOSEN}; --focus: {palette.ORDERED[2]}; }}
"""
    + """
body { color: var(--ink); background: #f6f6f4; }
.nicegui-content { padding: 0; gap: 0; }
.page { display: grid; grid-template-columns: 320px minmax(0, 1fr); width: 100%; min-height: 100vh; }
.skip { position: fixed; left: -9999px; top: 0; background: #fff; padding: 6px 12px; z-index: 20; }
.skip:focus { left: 8px; top: 8px; }
.levers { background: #fff; border-right: 1px solid #ddd; padding: 12px 14px; height: 100vh; overflow-y: auto;
  position: sticky; top: 0; }
.shown { padding: 8px 18px 24px; min-width: 0; }
.q-tab-panel > div { width: 100%; }
h1 { font-size: 1.25rem; line-height: 1.5rem; font-weight: 700; margin: 0; }
h2 { font-size: 1.05rem; line-height: 1.4rem; font-weight: 700; margin: 12px 0 4px; }
h3 { font-size: 1rem; line-height: 1.4rem; font-weight: 700; margin: 4px 0; }
h4 { font-size: .95rem; font-weight: 700; line-height: 1.3rem; margin: 8px 0 4px; }
.chart { width: 100%; height: auto; display: block; background: #fff; border: 1px solid var(--line); border-radius: 6px;
  padding: 4px; }
.grid { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(300px, 100%), 1fr)); gap: 10px; }
.cards { display: grid; grid-template-columns: repeat(6, minmax(0, 1fr)); gap: 8px; margin-bottom: 10px; }
.card { background: #fff; border: 1px solid var(--line); border-radius: 6px; padding: 6px 10px; font-size: .76rem;
  line-height: 1.05rem; color: var(--muted); }
.card b { display: block; font-size: 1.35rem; line-height: 1.6rem; color: var(--main); }
.card span { display: block; color: var(--ink); min-height: 2.1rem; }
.words { margin: 8px 0; padding-left: 20px; list-style: disc; max-width: 90ch; }
.words.small { color: var(--muted); font-size: .85rem; }
.problems { background: #fdecea; border: 1px solid #b3261e; border-radius: 6px; padding: 6px 12px; color: #7a120c; }
.problems:empty { display: none; }
.status { color: var(--muted); font-size: .85rem; min-height: 1.2rem; }
.lever { font-size: .86rem; line-height: 1.15rem; margin-top: 8px; display: grid; column-gap: 8px; position: relative;
  grid-template-columns: 1fr auto auto; }
.lever b { white-space: nowrap; } .lever.changed b { color: var(--changed); }
.lever.changed b::before { content: "changed: "; }
.lever summary { cursor: pointer; list-style: none; border: 1px solid #999; border-radius: 50%; width: 1.1rem;
  height: 1.1rem; line-height: 1rem; text-align: center; font-size: .75rem; }
.lever details p { position: absolute; z-index: 5; left: 0; right: 0; top: 100%; background: #fff; border-radius: 4px;
  border: 1px solid #999; padding: 6px 8px; font-size: .8rem; overflow-wrap: anywhere; }
.range { width: 100%; height: 24px; margin: 0; accent-color: var(--main); cursor: pointer; display: block; }
.range:focus-visible { outline-offset: -1px; }
.range:disabled { cursor: default; opacity: .5; }
.about { font-size: .85rem; }
a[href] { color: var(--main); text-decoration: underline; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; background: #fff; margin: 6px 0; font-size: .86rem; }
caption { text-align: left; font-weight: 600; padding: 2px 0; }
th, td { border-bottom: 1px solid var(--line); padding: 3px 10px; text-align: right; }
th[scope=row], thead th:first-child { text-align: left; font-weight: 400; } thead th { font-weight: 600; }
.pick { cursor: pointer; } .pick:hover * { stroke: var(--chosen); }
.side { display: grid; grid-template-columns: minmax(0, 3fr) minmax(300px, 2fr); gap: 12px; width: 100%;
  align-items: start; }
.told { max-height: 80vh; overflow-y: auto; font-size: .9rem; }
summary { font-weight: 600; } details p { margin: 4px 0; }
:focus-visible { outline: 3px solid var(--focus); outline-offset: 2px; }
.q-tab { padding: 0 10px; } .q-tab-panel { padding: 8px 0; } .q-tab-panels { background: transparent; }
@media (max-width: 1100px) {
  .cards { grid-template-columns: repeat(3, minmax(0, 1fr)); }
  .page { grid-template-columns: 250px minmax(0, 1fr); } .shown { padding: 8px 10px; }
  .side { grid-template-columns: minmax(0, 1fr); } .told { max-height: none; }
}
@media (max-width: 700px) {
  .cards { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  .page { grid-template-columns: minmax(0, 1fr); } .levers { height: auto; max-height: 45vh; border: 0; }
}
"""
)
