"""What can be chosen of a network of another library."""

from typing import Literal, TypedDict

from recircle.arc.config import ArcConfig

Where = Literal["", "convolutions", "mlps"]


class HostOptions(TypedDict, total=False):
    """Options of all networks of other libraries.

    Attributes:
        arc: the variant of its ARC layers; None leaves the network as it is.
        where: which layers ARC takes: "convolutions"; "mlps", the first linear layer of the MLP in each block; or
            patterns of names with commas between. Empty takes the convolutions where there are any beside the first one
            and those of 1 x 1, and else the MLPs.
        stem: ARC also takes the convolution that reads the frames, if it fits.
        dropout: before the classifier (0).
        drop_path: the rate of stochastic depth in the last block; None is its config's.
        size: side of the frames, another than its config's.
        keep_head: keep the classifier that comes with the weights, whose i-th class is then the i-th class of the
            clips, also where the names of the classes differ.
    """

    arc: ArcConfig | None
    where: str
    stem: bool
    dropout: float
    drop_path: float
    size: int
    keep_head: bool


class ClipOptions(HostOptions, total=False):
    """Options of those of transformers: also `frames`, T, another than its config's."""

    frames: int
