"""Weights of PySlowFast, pytorchvideo and Non-local networks, whose publisher gives no checksums."""

from recircle.models.weights.homes import Download
from recircle.models.weights.known import KnownWeights

_FILES = "https://dl.fbaipublicfiles.com/"
_APACHE = "not stated (code: Apache-2.0)"
_I3D = ("i3d_resnet50", "i3d_resnet50_res5_stride1")
_VIEWS = "Kinetics-400, 10 clips of 3 crops"


def _pytorchvideo(name: str, file: str, fits: tuple[str, ...], top1: str) -> KnownWeights:
    return KnownWeights(
        name=name,
        data="kinetics400",
        fits=fits,
        home=Download(f"{_FILES}pytorchvideo/model_zoo/kinetics/{file}"),
        licence=_APACHE,
        accuracy=f"{top1} %, {_VIEWS}",
        stated="facebookresearch/pytorchvideo, docs/source/model_zoo.md",
    )


def _pyslowfast(name: str, file: str, fits: tuple[str, ...], top1: str) -> KnownWeights:
    return KnownWeights(
        name=name,
        data="kinetics400",
        fits=fits,
        home=Download(f"{_FILES}pyslowfast/model_zoo/kinetics400/{file}"),
        licence=_APACHE,
        accuracy=f"{top1} %, {_VIEWS}",
        stated="facebookresearch/SlowFast, MODEL_ZOO.md",
        note="a file of Caffe2",
    )


ROWS = (
    _pytorchvideo("i3d_r50-kinetics400", "I3D_8x8_R50.pyth", _I3D, "73.27"),
    _pytorchvideo("slow_r50-kinetics400", "SLOW_8x8_R50.pyth", ("slowonly_resnet50",), "74.58"),
    _pytorchvideo("slow_r50-kinetics400-4x16", "SLOW_4x16_R50.pyth", ("slowonly_resnet50",), "72.40"),
    _pytorchvideo("slowfast_r50-kinetics400", "SLOWFAST_8x8_R50.pyth", ("slowfast_resnet50",), "76.94"),
    _pytorchvideo("slowfast_r101-kinetics400", "SLOWFAST_16x8_R101_50_50.pyth", ("slowfast_resnet101",), "78.70"),
    _pyslowfast("i3d_r50-kinetics400-caffe2", "I3D_8x8_R50.pkl", _I3D, "73.5"),
    _pyslowfast("slow_r50-kinetics400-caffe2", "SLOWONLY_8x8_R50.pkl", ("slowonly_resnet50",), "74.8"),
    _pyslowfast("slow_r50-kinetics400-4x16-caffe2", "SLOWONLY_4x16_R50.pkl", ("slowonly_resnet50",), "72.7"),
    _pyslowfast("slowfast_r50-kinetics400-caffe2", "SLOWFAST_8x8_R50.pkl", ("slowfast_resnet50",), "77.0"),
    KnownWeights(
        name="i3d_r50_nonlocal_baseline-kinetics400",
        data="kinetics400",
        fits=("i3d_resnet50_nonlocal",),
        home=Download(f"{_FILES}video-nonlocal/i3d_baseline_32x2_IN_pretrain_400k.pkl"),
        licence="CC-BY-NC-4.0",
        accuracy="73.6 %, Kinetics-400, fully convolutional testing",
        stated="facebookresearch/video-nonlocal-net, README.md",
        note="a file of Caffe2",
    ),
)
