"""BN-Inception (Ioffe and Szegedy, ICML 2015) in the form of TSN's authors (Wang et al., ECCV 2016)."""

from recircle.models.backbones.caffe_graph import Branches, Conv, InceptionGraph, Pool
from recircle.views.preprocessing import Preprocessing

_AVG, _MAX, _DOWN = Pool("avg"), Pool("max"), Pool("max", 2)

_BLOCKS = {
    # channels of the 1x1 branch, of the 1x1 and 3x3 convolutions of the next two, the pooling and the 1x1 after it
    "inception_3a": (64, (64, 64), (64, 96), _AVG, 32),
    "inception_3b": (64, (64, 96), (64, 96), _AVG, 64),
    "inception_3c": (0, (128, 160), (64, 96), _DOWN, 0),
    "inception_4a": (224, (64, 96), (96, 128), _AVG, 128),
    "inception_4b": (192, (96, 128), (96, 128), _AVG, 128),
    "inception_4c": (160, (128, 160), (128, 160), _AVG, 128),
    "inception_4d": (96, (128, 192), (160, 192), _AVG, 128),
    "inception_4e": (0, (128, 192), (192, 256), _DOWN, 0),
    "inception_5a": (352, (192, 320), (160, 224), _AVG, 128),
    "inception_5b": (352, (192, 320), (192, 224), _MAX, 128),
}


def _block(name: str, single: int, one: tuple[int, int], two: tuple[int, int], pool: Pool, pooled: int) -> Branches:
    """Return a block, whose last 3x3 convolutions have the stride of its pooling."""
    block: dict[str, list[Conv | Pool]] = {
        "branch1x1": [Conv(f"{name}_1x1", single)],
        "branch3x3": [Conv(f"{name}_3x3_reduce", one[0]), Conv(f"{name}_3x3", one[1], 3, pool.stride)],
        "branch3x3dbl": [
            Conv(f"{name}_double_3x3_reduce", two[0]),
            Conv(f"{name}_double_3x3_1", two[1], 3),
            Conv(f"{name}_double_3x3_2", two[1], 3, pool.stride),
        ],
        "branch_pool": [pool, Conv(f"{name}_pool_proj", pooled)],
    }
    if pool.stride == 2:
        del block["branch1x1"]
        block["branch_pool"].pop()
    return block


BN_INCEPTION = InceptionGraph(
    parts={
        "conv1": Conv("conv1_7x7_s2", 64, 7, 2),
        "pool1": _DOWN,
        "conv2_reduce": Conv("conv2_3x3_reduce", 64),
        "conv2": Conv("conv2_3x3", 192, 3),
        "pool2": _DOWN,
        **{name: _block(name, *row) for name, row in _BLOCKS.items()},
    },
    width=64,
    preprocessing=Preprocessing(
        resize=256, crop=224, mean=(104.0, 117.0, 128.0), std=(1.0, 1.0, 1.0), scale=1.0, channels="bgr"
    ),
    smallest=31,
    conv_name="{}",
    norm_name="{}_bn",
    gate_name="gsm_{}",
)
