"""What the page of a timeline adds to the style sheet of reports."""

CSS = """
.watch { display: grid; gap: .75rem; margin: .75rem 0; }
.watch video { width: 100%; max-height: 42vh; background: #000; border-radius: 6px; }
.now { font-size: 1.15rem; font-weight: 600; min-height: 1.6em; margin: 0; }
.now .soft { font-weight: normal; font-size: .9rem; }
.strip { position: relative; }
.strip svg { width: 100%; height: 2.2rem; display: block; border: 1px solid var(--line); border-radius: 4px; }
.strip.thin svg { height: 1.2rem; }
.strip .ground { fill: var(--panel); }
.strip rect.segment { fill: currentColor; }
.strip .cursor { stroke: var(--text); stroke-width: 2; vector-effect: non-scaling-stroke; }
.strip .seen { fill: var(--text); fill-opacity: .12; }
.strip[tabindex] { cursor: pointer; }
.row-title { font-size: .82rem; color: var(--soft); margin: 0 0 .15rem; }
.detail { width: 100%; height: 15rem; display: block; cursor: pointer; border-radius: 4px; background: var(--panel); }
.zoom { display: flex; flex-wrap: wrap; gap: .5rem; align-items: center; font-size: .85rem; color: var(--soft); }
.zoom button, .list button {
  font: inherit; font-size: .85rem; padding: .15rem .7rem; border: 1px solid var(--soft); border-radius: 4px;
  background: var(--ground); color: var(--text); cursor: pointer;
}
.segments { max-height: 32rem; overflow: auto; }
.segments tr.current > * { background: color-mix(in srgb, var(--accent) 16%, var(--ground)); }
.segments .list tbody th { min-width: 5.2rem; white-space: nowrap; }
@media (max-width: 30rem) { .detail { height: 11rem; } }
"""
