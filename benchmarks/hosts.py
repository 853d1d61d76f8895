"""What ARC takes and adds in networks of other libraries, on their real classes with random weights.

Run it as `python -m benchmarks.hosts`; the table is in docs/hosts.md. For each network: what is converted, parameters
and GMACs of one view without and with ARC (the paper's variant), and by how much the converted network differs from
the original before training.
"""

import argparse
import json
import platform
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from recircle import ArcConfig, arc_report, measure_cost
from recircle.models.base import VideoModel
from recircle.models.hosts.families import suited_arc
from recircle.models.hosts.libraries import import_transformers
from recircle.models.registry import ModelConfig

CLIPS = {
    "VideoMAE-B": ("videomae", {}),
    "ViViT-B/16x2": ("vivit", {}),
    "TimeSformer-B": ("timesformer", {}),
    "V-JEPA 2 ViT-L": ("vjepa2", {"frames_per_clip": 16}),
}
"""Titles, transformers' kinds, and what of their configs differs from its defaults."""

IMAGES = ("resnet50", "tsm/resnet50", "convnext_tiny", "regnety_016", "efficientnet_b0", "vit_base_patch16_224")
FRAMES = 8


@dataclass(frozen=True)
class Row:
    """One network: what is converted of it and what that costs."""

    title: str
    where: str
    layers: int
    shifted: int
    frames: int
    params: float
    more_params: float
    gmacs: float
    more_gmacs: float
    error: float


def measure(title: str, name: str, arc: ArcConfig, classes: int = 174) -> Row:
    """Measure one network, with the same drawn weights without and with ARC."""
    torch.manual_seed(0)
    plain = ModelConfig(name=name, pretrained="none").build(classes).eval()
    with_arc = ModelConfig(name=name, pretrained="none", arc=arc).build(classes).eval()
    missing = with_arc.load_state_dict(plain.state_dict(), strict=False)
    assert not missing.unexpected_keys
    frames = plain.usual_frames or FRAMES
    size = plain.preprocessing.crop_size
    before, after = measure_cost(plain, frames, size), measure_cost(with_arc, frames, size)
    converted = [one.name for one in arc_report(with_arc).converted]
    return Row(
        title=title,
        where=_in_words(converted),
        layers=len(converted),
        shifted=len(getattr(plain, "shifted", ())),
        frames=frames,
        params=before.params / 1e6,
        more_params=(after.params - before.params) / 1e6,
        gmacs=before.gmacs,
        more_gmacs=after.gmacs - before.gmacs,
        error=_error(plain, with_arc, frames, size),
    )


def _error(plain: VideoModel, converted: VideoModel, frames: int, size: tuple[int, int]) -> float:
    """Return the largest difference of the features of a clip of noise, as a share of their largest value."""
    clip = torch.rand(1, frames, 3, *size, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        first, second = (
            model.forward_head(model.forward_features(clip), pre_logits=True) for model in (plain, converted)
        )
    return float((first - second).abs().max() / first.abs().max())


def _in_words(names: list[str]) -> str:
    """Return the names of layers without what they are numbered by, each once."""
    ends = {".".join(part for part in name.split(".")[1:] if not part.isdigit()) for name in names}
    return ", ".join(f"`{end}`" for end in sorted(ends)[:4]) + (" and others" if len(ends) > 4 else "")


def table(rows: list[Row]) -> str:
    """Return the rows as a table in Markdown."""
    lines = [
        "| network | ARC in | layers | frames | parameters | GMACs | error at first |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        shift = f"; shift in front of {row.shifted} blocks" if row.shifted else ""
        lines.append(
            f"| {row.title} | {row.where}{shift} | {row.layers} | {row.frames} | {row.params:.1f} M + "
            f"{row.more_params:.1f} M | {row.gmacs:.1f} + {row.more_gmacs:.1f} | {row.error:.1e} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", help="titles or names; by default all")
    parser.add_argument("--steps", type=int, default=4, help="recursive steps n")
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    given = parser.parse_args()
    rows: list[Row] = []
    with TemporaryDirectory() as folder:
        for title, (kind, changes) in CLIPS.items():
            if given.only is None or title in given.only:
                config: Any = import_transformers().CONFIG_MAPPING[kind](**changes)
                config.save_pretrained(Path(folder) / kind)
                arc = suited_arc(kind, ArcConfig(steps=given.steps))
                rows.append(measure(title, f"hf:{Path(folder) / kind}", arc))
    chosen = [name for name in IMAGES if given.only is None or name in given.only]
    rows += [measure(f"`timm:{name}`", f"timm:{name}", ArcConfig(steps=given.steps)) for name in chosen]
    print(table(rows))
    packages = ", ".join(f"{name} {version(name)}" for name in ("torch", "transformers", "timm"))
    print(f"\n{packages}; {platform.processor() or platform.machine()}, {torch.get_num_threads()} threads")
    if given.json is not None:
        given.json.write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
