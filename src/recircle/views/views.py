"""What a network is shown of a clip: one random view of it in training, the same views each time in a test."""

from dataclasses import dataclass

from recircle.views.augmentation import Augmentation
from recircle.views.crops import Crops, view_size
from recircle.views.preprocessing import Preprocessing
from recircle.views.sampling import Sampling


@dataclass(frozen=True, kw_only=True)
class TrainViews:
    """One random view of a clip.

    Attributes:
        sampling: which frames make it.
        preprocessing: how they are resized and cropped; they are not normalised here.
        augmentation: what is varied.
        seed: of every random choice.
    """

    sampling: Sampling
    preprocessing: Preprocessing
    augmentation: Augmentation
    seed: int

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise ValueError(f"seed={self.seed} must be 0 or more")

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the views of a clip: (1, T, 3, h, w)."""
        return (1, self.sampling.frames, 3, *self.preprocessing.crop_size)


@dataclass(frozen=True, kw_only=True)
class EvalViews:
    """The test views of a clip, in which nothing is random.

    Attributes:
        sampling: which frames make a view.
        preprocessing: how they are resized and cropped; they are not normalised here.
        clips: views in time.
        crops: views in space: 1, 3 or 10.
    """

    sampling: Sampling
    preprocessing: Preprocessing
    clips: int = 1
    crops: Crops = 1

    def __post_init__(self) -> None:
        if self.clips < 1:
            raise ValueError(f"clips={self.clips} must be 1 or more")

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the views of a clip: (V, T, 3, h, w) with V = clips * crops."""
        size = view_size(self.preprocessing, self.crops)
        return (self.clips * self.crops, self.sampling.frames, 3, *size)
