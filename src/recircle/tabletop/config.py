"""How large the generated benchmark is."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

TabletopSize = Literal["tiny", "small", "full"]


@dataclass(frozen=True, kw_only=True)
class TabletopConfig:
    """The size of the generated benchmark.

    Attributes:
        train: training clips of each class.
        test: test clips of each class.
        pixels: height and width of a frame.
        frames: frames of a clip.
        fps: frames per second; the actions fill a clip whatever its length, so this changes how long it plays.
    """

    train: int
    test: int
    pixels: int
    frames: int
    fps: int

    def __post_init__(self) -> None:
        for name, least, why in (
            ("train", 1, "a class needs a clip to learn from"),
            ("test", 1, "a class needs a clip to be tested on"),
            ("pixels", 32, "in a smaller frame the objects cannot be made out"),
            ("frames", 8, "in fewer frames the actions cannot be told apart"),
            ("fps", 1, "a video needs a frame rate"),
        ):
            if getattr(self, name) < least:
                raise ValueError(f"{name}={getattr(self, name)}: {why}; use {least} or more")
        if self.pixels % 2:
            raise ValueError(
                f"pixels={self.pixels}: H.264 with halved chroma needs an even number, such as {self.pixels + 1}"
            )


SIZES: MappingProxyType[TabletopSize, TabletopConfig] = MappingProxyType(
    {
        "tiny": TabletopConfig(train=2, test=1, pixels=64, frames=12, fps=6),
        "small": TabletopConfig(train=40, test=10, pixels=80, frames=16, fps=8),
        "full": TabletopConfig(train=100, test=30, pixels=160, frames=32, fps=12),
    }
)
"""The sizes that have a name: for tests (seconds), for the demo (about half a minute), for experiments."""
