"""Image networks of timm on the hub."""

from recircle.checksums import Checksum, sha256
from recircle.models.weights.homes import HubFile
from recircle.models.weights.known import NOT_STATED, KnownWeights
from recircle.models.weights.rows.torchvision import RESNET18, RESNET34, RESNET50, RESNET101

_HUB_CHECKS = "the hub gives its SHA-256, which is checked"


def _row(
    timm: str,
    revision: str | None,
    fits: tuple[str, ...],
    size: str,
    top1: str,
    *,
    data: str = "imagenet",
    checksum: Checksum | None = None,
    licence: str = "Apache-2.0",
) -> KnownWeights:
    return KnownWeights(
        name=f"{timm.partition('.')[0]}-{data}-timm",
        data=data,
        fits=fits,
        home=HubFile(f"timm/{timm}", revision=revision),
        checksum=checksum,
        size=size,
        licence=licence,
        accuracy=f"{top1} %, ImageNet-1k validation, 224 px" if top1 else NOT_STATED,
        stated=f"the pages of timm/{timm} on the hub; accuracy: timm 1.0, results/results-imagenet.csv",
        note="" if checksum else _HUB_CHECKS,
    )


_TIMESFORMERS = ("timesformer_base", "timesformer_hr", "timesformer_large")

ROWS = (
    _row(
        *("resnet18.a1_in1k", "ebd61f9c7420e5b5b53262b8ce6bbe311e1e872a", RESNET18, "46.8 MB", "71.504"),
        checksum=sha256("80c49dee3da4822c009c5a7fe591e9223c5a2cfcf95a4067ca4dfb5a7b89c612"),
    ),
    _row("resnet34.a1_in1k", "0e8757122c4c09b15fb9300c0fd09b3fe89e28bf", RESNET34, "87.3 MB", "76.420"),
    _row(
        *("resnet50.a1_in1k", "5d9e13b8fdab4d9718bcf2c8f5c3af01878367e8", RESNET50, "102 MB", "80.382"),
        checksum=sha256("773525d5821de224f8f30c33377b7a795d7863e08522698200d3217d3f2a41bb"),
    ),
    _row(
        *("resnet101.a1h_in1k", "21721ac354aff8c4fbc371f3c4e46fa8832d4d68", RESNET101, "179 MB", "81.950"),
        checksum=sha256("1a076c0384295e7d3704f201c5711ff245507db934230bab72ff3014a95f90fe"),
    ),
    _row(
        *("res2net50_26w_4s.in1k", "d73b44deaf5b068a3632893bc82400b7e9285169", ("tea_res2net50",), "103 MB", "77.994"),
        licence="not stated (on the hub: unknown)",
    ),
    _row(
        *("vit_base_patch16_224.augreg2_in21k_ft_in1k", "3feba41e737e1b28af8e1fd7dca8eed073385972"),
        *(_TIMESFORMERS, "346 MB", "85.108"),
    ),
    _row("vit_base_patch16_224.augreg_in21k", None, _TIMESFORMERS, "410 MB", "", data="imagenet21k"),
)
