"""The style sheet of the page: light and dark, from a phone to a wide screen, with the system's own fonts."""

CSS = """
:root {
  color-scheme: light dark;
  --ground: #ffffff; --panel: #f4f5f7; --text: #1b1f24; --soft: #59636e; --line: #d5dae0; --accent: #0a5bb5;
  --right: #2f7fd6; --wrong: #e0552b; --note: #fff3d6; --note-line: #c98a00; --on: #ffffff;
  --c0: #0a5bb5; --c1: #c2410c; --c2: #15803d; --c3: #7e22ce; --c4: #a1620a; --c5: #6b7280;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #14171b; --panel: #1e2329; --text: #e6e9ed; --soft: #9da7b3; --line: #39414b; --accent: #79b8ff;
    --right: #3d8be0; --wrong: #e8673f; --note: #3a2f14; --note-line: #d9a21b; --on: #14171b;
    --c0: #79b8ff; --c1: #ff9566; --c2: #63cf85; --c3: #c69cf5; --c4: #e0b341; --c5: #9da7b3;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-padding-top: 1rem; }
body {
  margin: 0 auto; max-width: 75rem; padding: 1rem clamp(.75rem, 3vw, 2rem) 4rem;
  background: var(--ground); color: var(--text);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; overflow-wrap: anywhere;
}
h1 { font-size: 1.6rem; line-height: 1.25; margin: .5rem 0; }
h2 { font-size: 1.3rem; margin: 2.5rem 0 .75rem; padding-top: .75rem; border-top: 2px solid var(--line); }
h3 { font-size: 1.08rem; margin: 1.75rem 0 .5rem; }
p { max-width: 48rem; margin: .5rem 0; }
a { color: var(--accent); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.skip { position: absolute; left: -100rem; }
.skip:focus { left: 1rem; background: var(--ground); padding: .5rem; }
nav ul { list-style: none; display: flex; flex-wrap: wrap; gap: .25rem 1.1rem; padding: 0; margin: .5rem 0; }
nav ul ul { display: inline-flex; gap: .25rem .8rem; margin: 0 0 0 .6rem; font-size: .9rem; }
.soft, .interval, .legend-text, figcaption, caption { color: var(--soft); }
.interval { font-size: .82em; font-weight: normal; white-space: nowrap; }
.legend-text { font-size: .85rem; }
.note { background: var(--note); border-left: 4px solid var(--note-line); padding: .5rem .75rem; border-radius: 4px; }

.wide {
  overflow-x: auto; margin: .75rem 0; max-width: 100%; --shade: color-mix(in srgb, var(--text) 22%, transparent);
  /* a shadow at the edge behind which there is more, hidden by what scrolls with the content at its end */
  background:
    linear-gradient(to right, var(--ground) 40%, transparent) left / 2rem 100% no-repeat local,
    linear-gradient(to left, var(--ground) 40%, transparent) right / 2rem 100% no-repeat local,
    linear-gradient(to right, var(--shade), transparent) left / .7rem 100% no-repeat scroll,
    linear-gradient(to left, var(--shade), transparent) right / .7rem 100% no-repeat scroll;
}
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding: .25rem 0; font-size: .9rem; }
caption span { position: sticky; left: 0; display: inline-block; max-width: calc(100vw - 3rem); }
.list th, .list td {
  text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid var(--line); vertical-align: top;
  font-weight: normal; min-width: 3.5rem; max-width: 24rem; overflow-wrap: anywhere;
}
.list thead th { color: var(--soft); font-size: .82rem; vertical-align: bottom; overflow-wrap: normal; }
.list tbody th { min-width: 7.5rem; font-weight: 500; position: sticky; left: 0; background: var(--ground); }
.list td:not(.figure) { min-width: 8rem; }
.list .figure { text-align: right; white-space: nowrap; }
.list .figure .interval { display: block; }
details { margin: .4rem 0; border: 1px solid var(--line); border-radius: 6px; padding: 0 .75rem; }
details[open] { padding-bottom: .5rem; }
summary { cursor: pointer; padding: .45rem 0; }
pre {
  overflow: auto; max-height: 30rem; background: var(--panel); padding: .75rem; border-radius: 6px; font-size: .8rem;
}
.paths { font-size: .82rem; padding-left: 1.2rem; columns: 18rem; }

.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 20rem), 1fr)); gap: 1rem; }
.charts > * { max-width: 32rem; min-width: 0; }
figure { margin: 0; }
figcaption { font-size: .85rem; margin: .25rem 0; }
.chart { width: 100%; height: auto; display: block; }
.chart text { font-size: 11px; fill: var(--soft); }
.chart text.on { fill: var(--on); font-weight: 700; }
.grid { stroke: var(--line); stroke-width: .7; }
.line { fill: none; stroke: currentColor; stroke-width: 1.6; stroke-linejoin: round; }
.dashed { stroke-dasharray: 4 4; }
.dot, .point { fill: currentColor; }
.bar { fill: var(--right); fill-opacity: .45; stroke: var(--right); stroke-width: .7; }
.c0 { color: var(--c0); } .c1 { color: var(--c1); } .c2 { color: var(--c2); }
.c3 { color: var(--c3); } .c4 { color: var(--c4); } .c5 { color: var(--c5); }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1.4rem; padding: 0; margin: .5rem 0; list-style-position: inside; }
ul.legend { list-style: none; }
.key {
  display: inline-block; width: 1.2em; height: .35em; background: currentColor; vertical-align: .2em;
  margin-right: .4em;
}

.switch { border: 0; padding: 0; margin: .5rem 0; display: flex; gap: 1rem; font-size: .9rem; }
.switch legend { float: left; padding: 0 1rem 0 0; color: var(--soft); }
.matrix { border-spacing: 1px; border-collapse: separate; font-size: .78rem; }
.matrix thead th { vertical-align: bottom; padding: .2rem; font-weight: normal; }
.matrix thead th span {
  writing-mode: vertical-rl; transform: rotate(180deg); max-height: 11rem; overflow: hidden; text-overflow: ellipsis;
  display: inline-block; white-space: nowrap;
}
.matrix tbody th {
  text-align: right; font-weight: normal; padding: 0 .4rem 0 0; min-width: 7rem; max-width: 15rem;
  position: sticky; left: 0; background: var(--ground); line-height: 1.2;
}
.matrix .name { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 3; overflow: hidden; }
.matrix td { min-width: 2.1rem; height: 1.8rem; text-align: center; background: var(--panel); }
.matrix thead td { background: none; }
.r { display: none; }
.matrices:has(.show-rates:checked) .r { display: inline; }
.matrices:has(.show-rates:checked) .n { display: none; }
.s1 { --deep: 8%; } .s2 { --deep: 14%; } .s3 { --deep: 20%; } .s4 { --deep: 28%; }
.s5 { --deep: 36%; } .s6 { --deep: 44%; } .s7 { --deep: 54%; } .s8 { --deep: 66%; }
td.x { background: color-mix(in srgb, var(--wrong) var(--deep), var(--ground)); }
td.y { background: color-mix(in srgb, var(--right) var(--deep), var(--ground)); }
.map svg { max-width: 100%; height: auto; display: block; cursor: crosshair; touch-action: manipulation; }
.map .ground { fill: var(--panel); }
.map path.x { fill: color-mix(in srgb, var(--wrong) calc(var(--deep) * 1.3 + 6%), var(--panel)); }
.map path.y { fill: color-mix(in srgb, var(--right) calc(var(--deep) * 1.3 + 6%), var(--panel)); }
.map .borders { fill: none; stroke: var(--soft); stroke-width: .5px; vector-effect: non-scaling-stroke; opacity: .6; }
.map .many { opacity: .2; }
.map .cursor {
  fill: none; stroke: var(--text); stroke-width: 2px; vector-effect: non-scaling-stroke; visibility: hidden;
}
.map .cursor.there { visibility: visible; }
.told { display: block; min-height: 3em; font-size: .9rem; }

.gallery {
  list-style: none; padding: 0; display: grid; gap: 1rem;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 15rem), 1fr));
}
.gallery > li { border: 1px solid var(--line); border-radius: 6px; overflow: hidden; background: var(--panel); }
.animation { overflow: hidden; width: 100%; margin: 0 auto; }
.animation img { display: block; height: 100%; max-width: none; }
.controls { display: flex; gap: .5rem; padding: .4rem .6rem 0; }
.controls[hidden] { display: none; }
.controls input { flex: 1; min-width: 3rem; accent-color: var(--accent); }
button {
  font: inherit; font-size: .85rem; padding: .15rem .7rem; border: 1px solid var(--soft); border-radius: 4px;
  background: var(--ground); color: var(--text); cursor: pointer; min-width: 4.2rem;
}
.no-animation { padding: .6rem .6rem 0; color: var(--soft); font-size: .85rem; }
dl { display: grid; grid-template-columns: auto 1fr; gap: .15rem .6rem; margin: 0; padding: .6rem; font-size: .85rem; }
dt { color: var(--soft); } dd { margin: 0; } .path { font-size: .78rem; color: var(--soft); }
.pictures { display: grid; gap: 1rem; }
.pictures img { max-width: 100%; height: auto; background: #fff; }
footer { margin-top: 3rem; border-top: 1px solid var(--line); color: var(--soft); font-size: .85rem; }
@media print { .controls, .play-all, nav { display: none; } }
"""
