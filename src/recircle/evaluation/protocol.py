"""How a clip is turned into views and their outputs into one score: the protocol printed beside every number."""

from dataclasses import dataclass
from typing import Literal, get_args

from recircle.public import public
from recircle.views.crops import Crops, view_size
from recircle.views.preprocessing import Preprocessing
from recircle.views.sampling import Sampling
from recircle.views.views import EvalViews

Fusion = Literal["logits", "softmax"]


@public
@dataclass(frozen=True, kw_only=True)
class Protocol:
    """Views of a clip at test time, and how their logits become one score per class.

    Attributes:
        clips: temporal clips drawn from a video; the paper's "x2" is 2, its "x10" and "x30" are 10.
        crops: spatial crops of each: 1 (centre), 3 (along the longer side) or 10 (corners and centre, mirrored too).
        fusion: average the softmax of the views ("softmax"), or their logits before one softmax ("logits").
    """

    clips: int = 1
    crops: Crops = 1
    fusion: Fusion = "softmax"

    def __post_init__(self) -> None:
        if self.clips < 1:
            raise ValueError(f"clips={self.clips} must be 1 or more")
        if self.crops not in get_args(Crops):
            raise ValueError(f"crops={self.crops} must be 1, 3 or 10")
        if self.fusion not in get_args(Fusion):
            raise ValueError(f"fusion={self.fusion!r} is not one of {', '.join(get_args(Fusion))}")

    @property
    def views(self) -> int:
        """Number of views of a clip: temporal clips times crops."""
        return self.clips * self.crops

    def eval_views(self, sampling: Sampling, preprocessing: Preprocessing) -> EvalViews:
        """Return the views of a clip, of frames that are chosen and prepared so."""
        return EvalViews(sampling=sampling, preprocessing=preprocessing, clips=self.clips, crops=self.crops)

    def __str__(self) -> str:
        return f"{_count(self.clips, 'clip')} x {_count(self.crops, 'crop')}, {self.fusion} mean"

    def describe(self, sampling: Sampling, preprocessing: Preprocessing, mean: str | None = None) -> str:
        """Return the whole protocol in a line: `8 frames by time x 2 clips x 3 crops of 224 px from 256 px, ...`.

        Args:
            sampling: which frames a view has.
            preprocessing: the sizes of frames and views.
            mean: what is averaged over the views, in a word; None takes the fusion.
        """
        height, width = view_size(preprocessing, self.crops)
        crop = height if height == width else (height, width)
        return (
            f"{sampling} x {_count(self.clips, 'clip')} x "
            f"{_count(self.crops, 'crop')} of {_pixels(crop)} from {_pixels(preprocessing.resize)}, "
            f"{mean or self.fusion} mean"
        )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _pixels(size: int | tuple[int, int]) -> str:
    return f"{size} px" if isinstance(size, int) else f"{size[0]}x{size[1]} px"
