"""Torchvision's weights. Its names of files end in the first digits of their SHA-256."""

from recircle.checksums import from_name
from recircle.models.weights.homes import Download
from recircle.models.weights.known import KnownWeights

_HOME = "https://download.pytorch.org/models/"
_LICENCE = "not stated (code: BSD-3-Clause)"
_PROTOCOL = "ImageNet-1k validation, centre crop of 224 px"

RESNET18 = ("tsn_resnet18", "tsm_resnet18", "msnet_resnet18", "abm_iabp_resnet18")
RESNET34 = ("tsn_resnet34", "tsm_resnet34", "abm_iabp_resnet34")
RESNET50 = (
    *("tsn_resnet50", "tsm_resnet50", "msnet_resnet50", "abm_iabp_resnet50", "slowonly_resnet50"),
    *("i3d_resnet50", "i3d_resnet50_res5_stride1", "i3d_resnet50_nonlocal", "i3d_resnet50_mmaction2"),
)
RESNET101 = ("tsn_resnet101", "tsm_resnet101")


def _imagenet(name: str, file: str, fits: tuple[str, ...], size: str, top1: str, stated: str) -> KnownWeights:
    return KnownWeights(
        name=name,
        data="imagenet",
        fits=fits,
        home=Download(_HOME + file),
        checksum=from_name(file),
        size=size,
        licence=_LICENCE,
        accuracy=f"{top1} %, {_PROTOCOL}",
        stated=f"torchvision 0.28, models/{stated}",
    )


ROWS = (
    _imagenet("resnet18-imagenet", "resnet18-f37072fd.pth", RESNET18, "44.7 MiB", "69.758", "resnet.py"),
    _imagenet("resnet34-imagenet", "resnet34-b627a593.pth", RESNET34, "83.3 MiB", "73.314", "resnet.py"),
    _imagenet("resnet50-imagenet", "resnet50-0676ba61.pth", RESNET50, "97.8 MiB", "76.130", "resnet.py"),
    _imagenet("resnet50-imagenet-v2", "resnet50-11ad3fa6.pth", RESNET50, "97.8 MiB", "80.858", "resnet.py"),
    _imagenet("resnet101-imagenet", "resnet101-63fe2227.pth", RESNET101, "170.5 MiB", "77.374", "resnet.py"),
    _imagenet("resnet101-imagenet-v2", "resnet101-cd907fc2.pth", RESNET101, "170.5 MiB", "81.886", "resnet.py"),
    _imagenet("googlenet-imagenet", "googlenet-1378be20.pth", ("i3d_inception",), "49.7 MiB", "69.778", "googlenet.py"),
    KnownWeights(
        name="r2plus1d_18-kinetics400",
        data="kinetics400",
        fits=("r2plus1d_resnet18",),
        home=Download(_HOME + "r2plus1d_18-91a641e6.pth"),
        checksum=from_name("r2plus1d_18-91a641e6.pth"),
        size="120.3 MiB",
        licence=_LICENCE,
        accuracy="67.463 %, Kinetics-400, 5 clips of 16 frames at 15 a second",
        stated="torchvision 0.28, models/video/resnet.py",
    ),
)
