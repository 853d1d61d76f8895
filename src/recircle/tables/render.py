"""A compared table as Markdown, and as plain values for JSON."""

from collections.abc import Sequence
from typing import Any

from recircle.tables.compare import Compared, disagrees, network_text
from recircle.tables.measured import Measured
from recircle.tables.paper import NOTES, Table

ROUNDED = "The printed figure is ours, rounded."


def to_markdown(table: Table, compared: Sequence[Compared], measured: Sequence[Measured] | None = None) -> str:
    """Return the table, with the remarks that its rows need below it.

    Args:
        table: of the paper.
        compared: its rows, measured.
        measured: evaluations of runs; None leaves their column out.
    """
    notes: list[str] = []
    with_frames = any(entry.row.printed.frames for entry in compared)
    header = [*table.columns, *["Frames, printed"] * with_frames, "Input here"]
    header += ["GMACs x views, printed", "ours", "Params [M], printed", "ours"]
    header += [f"{title}, printed" for title in table.accuracy]
    if measured is not None:
        header.append("Top-1 measured on this machine")
    lines = [f"**Table {table.number}. {table.title}**", "", _line(header), _line(["---"] * len(header))]
    for entry in compared:
        printed = entry.row.printed
        marks = "".join(f" [{_number(notes, text)}]" for text in _texts(entry))
        views = f" x {printed.views}" if printed.views else ""
        cells = [
            *entry.row.label[:-1],
            entry.row.label[-1] + marks,
            *[printed.frames] * with_frames,
            network_text(entry.row.network),
            f"{printed.gmacs}{views if printed.gmacs else ''}" or "-",
            f"{_figure(entry.gmacs)}{views}{_percent(entry.gmacs_off)}",
            printed.params or "-",
            f"{entry.params:.2f}{_percent(entry.params_off)}",
            *(printed.accuracy[title] for title in table.accuracy),
        ]
        if measured is not None:
            cells.append("; ".join(str(m) for m in measured if m.is_of(entry.row)) or "-")
        lines.append(_line(cells))
    lines += [
        "",
        "Accuracies are the paper's. Percentages say how far our count is from the printed one, if more than 2 %.",
    ]
    lines += [""] * bool(notes) + [f"[{number}] {text}  " for number, text in enumerate(notes, 1)]
    return "\n".join(lines).rstrip()


def to_json(table: Table, compared: Sequence[Compared], measured: Sequence[Measured] | None = None) -> dict[str, Any]:
    """Return the table as plain values; see `to_markdown` for the arguments."""
    rows: list[dict[str, Any]] = []
    for entry in compared:
        row = entry.row
        content: dict[str, Any] = {
            **{title.lower(): text for title, text in zip(table.columns, row.label)},
            "network": row.network.name,
            "classes": row.classes,
            "frames": row.network.frames,
            "size": row.network.size,
            "printed": {
                "frames": row.printed.frames,
                "gmacs": row.printed.gmacs,
                "views": row.printed.views,
                "params": row.printed.params,
                "accuracy": dict(row.printed.accuracy),
            },
            "gmacs": round(entry.gmacs, 3),
            "params": round(entry.params, 3),
            "disagrees": [
                name for name, off in (("gmacs", entry.gmacs_off), ("params", entry.params_off)) if disagrees(off)
            ],
            "notes": _texts(entry),
        }
        if measured is not None:
            content["measured"] = [
                {
                    "run": str(m.run),
                    "top1": m.metrics.top1.value,
                    "interval": [m.metrics.top1.low, m.metrics.top1.high],
                    "clips": m.metrics.clips,
                    "protocol": m.metrics.protocol,
                    "data": m.metrics.data,
                    "provenance": m.metrics.provenance.to_dict(),
                }
                for m in measured
                if m.is_of(row)
            ]
        rows.append(content)
    return {"table": table.number, "title": table.title, "rows": rows}


def _texts(entry: Compared) -> list[str]:
    texts = [NOTES[key] for key in entry.row.notes]
    return [*texts, ROUNDED] if entry.only_rounded else texts


def _number(notes: list[str], text: str) -> int:
    if text not in notes:
        notes.append(text)
    return notes.index(text) + 1


def _figure(gmacs: float) -> str:
    return f"{gmacs:.0f}" if gmacs >= 1000 else f"{gmacs:.1f}"


def _percent(off: float | None) -> str:
    return f" ({100 * off:+.1f} %)" if off is not None and disagrees(off) else ""


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
