"""InceptionV3 (Szegedy et al., CVPR 2016) in the form of TSN's authors (Wang et al., ECCV 2016)."""

from recircle.models.backbones.caffe_graph import Branches, Conv, InceptionGraph, Part, Pool
from recircle.views.preprocessing import Preprocessing

_AVG, _MAX, _DOWN = Pool("avg"), Pool("max"), Pool("max", 2)
_ROW, _COLUMN = (1, 7), (7, 1)


def _early(name: str, pooled: int) -> Branches:
    """Return a block with a 5x5 convolution (mixed to mixed_2), `pooled` channels after its pooling."""
    return {
        "branch1x1": [Conv(f"{name}_conv", 64)],
        "branch5x5": [Conv(f"{name}_tower_conv", 48), Conv(f"{name}_tower_conv_1", 64, 5)],
        "branch3x3dbl": [
            Conv(f"{name}_tower_1_conv", 64),
            Conv(f"{name}_tower_1_conv_1", 96, 3),
            Conv(f"{name}_tower_1_conv_2", 96, 3),
        ],
        "branch_pool": [_AVG, Conv(f"{name}_tower_2_conv", pooled)],
    }


def _middle(name: str, inner: int) -> Branches:
    """Return a block of convolutions along rows and columns (mixed_4 to mixed_7) with `inner` channels."""
    return {
        "branch1x1": [Conv(f"{name}_conv", 192)],
        "branch7x7": [
            Conv(f"{name}_tower_conv", inner),
            Conv(f"{name}_tower_conv_1", inner, _COLUMN),
            Conv(f"{name}_tower_conv_2", 192, _ROW),
        ],
        "branch7x7dbl": [
            Conv(f"{name}_tower_1_conv", inner),
            Conv(f"{name}_tower_1_conv_1", inner, _ROW),
            Conv(f"{name}_tower_1_conv_2", inner, _COLUMN),
            Conv(f"{name}_tower_1_conv_3", inner, _ROW),
            Conv(f"{name}_tower_1_conv_4", 192, _COLUMN),
        ],
        "branch_pool": [_AVG, Conv(f"{name}_tower_2_conv", 192)],
    }


def _late(name: str, pool: Pool) -> Branches:
    """Return a block whose branches fork again (mixed_9 and mixed_10)."""
    return {
        "branch1x1": [Conv(f"{name}_conv", 320)],
        "branch3x3": [Conv(f"{name}_tower_conv", 384), _fork(f"{name}_tower")],
        "branch3x3dbl": [
            Conv(f"{name}_tower_1_conv", 448),
            Conv(f"{name}_tower_1_conv_1", 384, 3),
            _fork(f"{name}_tower_1"),
        ],
        "branch_pool": [pool, Conv(f"{name}_tower_2_conv", 192)],
    }


def _fork(name: str) -> Branches:
    return {
        "branch3x1": [Conv(f"{name}_mixed_conv", 384, (3, 1))],
        "branch1x3": [Conv(f"{name}_mixed_conv_1", 384, (1, 3))],
    }


_PARTS: dict[str, Part] = {
    "conv_0": Conv("conv", 32, 3, 2, padded=False),
    "conv_1": Conv("conv_1", 32, 3, padded=False),
    "conv_2": Conv("conv_2", 64, 3),
    "pool_0": _DOWN,
    "conv_3": Conv("conv_3", 80),
    "conv_4": Conv("conv_4", 192, 3, padded=False),
    "pool_1": _DOWN,
    "mixed_0": _early("mixed", 32),
    "mixed_1": _early("mixed_1", 64),
    "mixed_2": _early("mixed_2", 64),
    "mixed_3": {
        "branch3x3": [Conv("mixed_3_conv", 384, 3, 2, padded=False)],
        "branch3x3dbl": [
            Conv("mixed_3_tower_conv", 64),
            Conv("mixed_3_tower_conv_1", 96, 3),
            Conv("mixed_3_tower_conv_2", 96, 3, 2, padded=False),
        ],
        "branch_pool": [_DOWN],
    },
    "mixed_4": _middle("mixed_4", 128),
    "mixed_5": _middle("mixed_5", 160),
    "mixed_6": _middle("mixed_6", 160),
    "mixed_7": _middle("mixed_7", 192),
    "mixed_8": {
        "branch3x3": [Conv("mixed_8_tower_conv", 192), Conv("mixed_8_tower_conv_1", 320, 3, 2, padded=False)],
        "branch7x7x3": [
            Conv("mixed_8_tower_1_conv", 192),
            Conv("mixed_8_tower_1_conv_1", 192, _COLUMN),
            Conv("mixed_8_tower_1_conv_2", 192, _ROW),
            Conv("mixed_8_tower_1_conv_3", 192, 3, 2, padded=False),
        ],
        "branch_pool": [_DOWN],
    },
    "mixed_9": _late("mixed_9", _AVG),
    "mixed_10": _late("mixed_10", _MAX),
}

INCEPTION_V3 = InceptionGraph(
    parts=_PARTS,
    width=32,
    # 229 pixels, not the 299 of the image network, as GSM's authors train it
    preprocessing=Preprocessing(
        resize=261, crop=229, mean=(104.0, 117.0, 128.0), std=(1.0, 1.0, 1.0), scale=1.0, channels="bgr"
    ),
    smallest=69,
    conv_name="{}_Conv2D",
    norm_name="{}_batchnorm",
    gate_name="gsm_{}_Conv2D",
)
