"""MMAction2's weights. Its names of files end in the first digits of their SHA-256.

Of those that fit a network here, the model zoo gives one checksum for two files (SlowOnly 8x8 begun with ImageNet's
weights, with and without non-local blocks), and its pages give two addresses for others: these are left out.
"""

from recircle.checksums import from_name
from recircle.models.weights.homes import Download
from recircle.models.weights.known import KnownWeights

_HOME = "https://download.openmmlab.com/mmaction/v1.0/recognition/"
_DATA = {"kinetics400-rgb": "kinetics400", "kinetics710-rgb": "kinetics710", "sthv2-rgb": "something_v2"}
_TITLES = {"kinetics400": "Kinetics-400", "kinetics710": "Kinetics-710", "something_v2": "Something-Something V2"}
_IMAGENETS = "trained on frames normalised by ImageNet's mean and deviation: give --data.preprocessing those"
_HALF = "trained on frames normalised by means and deviations of 0.5: give --data.preprocessing those"


def _row(
    network: str, config: str, file: str, top1: str, views: str, *, detail: str = "", note: str = ""
) -> KnownWeights:
    data = _DATA[config.rpartition("_")[2]]
    parts = (network.removesuffix("_mmaction2"), data, *filter(None, (detail,)), "mmaction2")
    return KnownWeights(
        name="-".join(parts),
        data=data,
        fits=(network,),
        home=Download(f"{_HOME}{network.partition('_')[0]}/{config}/{file}.pth"),
        checksum=from_name(f"{file}.pth"),
        licence="not stated (code: Apache-2.0)",
        accuracy=f"{top1} %, {_TITLES[data]}, {views}",
        stated=f"open-mmlab/mmaction2 1.2, configs/recognition/{network.partition('_')[0]}/README.md",
        note=note,
    )


def _plain(
    network: str, config: str, ending: str, top1: str, views: str, *, detail: str = "", note: str = ""
) -> KnownWeights:
    """Return the row of a file that is named after its config."""
    return _row(network, config, f"{config}_{ending}", top1, views, detail=detail, note=note)


_TSN, _TSM, _SLOW, _I3D = "tsn_resnet50", "tsm_resnet50", "slowonly_resnet50", "i3d_resnet50_mmaction2"
_FAST = "slowfast_resnet50_mmaction2"
_ON_R50 = "imagenet-pretrained-r50"
_ON_R101 = "imagenet-pretrained-r101"
_25 = "25 segments of 10 crops"
_8, _16 = "8 segments of 10 crops", "16 segments of 10 crops"
_30 = "10 clips of 3 crops"

ROWS = (
    _plain(_TSN, f"tsn_{_ON_R50}_8xb32-1x1x8-100e_kinetics400-rgb", "20220906-2692d16c", "74.12", _25),
    _plain(_TSN, f"tsn_{_ON_R50}_8xb32-1x1x5-100e_kinetics400-rgb", "20220906-65d68713", "73.80", _25, detail="5f"),
    _plain(_TSN, f"tsn_{_ON_R50}_8xb32-1x1x3-100e_kinetics400-rgb", "20220906-cd10898e", "72.83", _25, detail="3f"),
    _plain(
        *(_TSN, f"tsn_{_ON_R50}_8xb32-dense-1x1x5-100e_kinetics400-rgb", "20220906-dcbc6e01", "71.37", _25),
        detail="dense",
    ),
    _plain("tsn_resnet101", f"tsn_{_ON_R101}_8xb32-1x1x8-100e_kinetics400-rgb", "20220906-23cff032", "75.89", _25),
    _plain(_TSN, f"tsn_{_ON_R50}_8xb32-1x1x8-50e_sthv2-rgb", "20230313-06ad7d03", "35.51", _25),
    _plain(_TSN, f"tsn_{_ON_R50}_8xb32-1x1x16-50e_sthv2-rgb", "20230221-85bcc1c3", "36.91", _25, detail="16f"),
    _plain(_TSM, f"tsm_{_ON_R50}_8xb16-1x1x8-50e_kinetics400-rgb", "20220831-64d69186", "73.18", _8),
    _plain(_TSM, f"tsm_{_ON_R50}_8xb16-1x1x8-100e_kinetics400-rgb", "20220831-a6db1e5d", "73.22", _8, detail="100e"),
    _plain(_TSM, f"tsm_{_ON_R50}_8xb16-1x1x16-50e_kinetics400-rgb", "20220831-042b1748", "75.12", _16, detail="16f"),
    _plain(
        *(_TSM, f"tsm_{_ON_R50}_8xb16-dense-1x1x8-50e_kinetics400-rgb", "20220831-f55d3c2b", "73.38", _8),
        detail="dense",
    ),
    _plain(_TSM, f"tsm_{_ON_R50}_8xb16-1x1x8-50e_sthv2-rgb", "20230317-be0fc26e", "62.72", "8 segments of 3 crops"),
    _plain(
        *(_TSM, f"tsm_{_ON_R50}_8xb16-1x1x16-50e_sthv2-rgb", "20230317-ec6696ad", "64.16", "16 segments of 3 crops"),
        detail="16f",
    ),
    _plain(
        *("tsm_resnet101", f"tsm_{_ON_R101}_8xb16-1x1x8-50e_sthv2-rgb", "20230320-efcc0d1b"),
        *("63.70", "8 segments of 3 crops"),
    ),
    _plain(_SLOW, "slowonly_r50_8xb16-8x8x1-256e_kinetics400-rgb", "20220901-2132fc87", "75.15", _30, note=_IMAGENETS),
    _row(
        *(_SLOW, "slowonly_r50_8xb16-4x16x1-256e_kinetics400-rgb"),
        *("slowonly_r50_4x16x1_256e_8xb16_kinetics400-rgb_20220901-f6a40d08", "72.97", _30),
        detail="4x16",
        note=_IMAGENETS,
    ),
    _plain(
        *(_SLOW, f"slowonly_{_ON_R50}_8xb16-4x16x1-steplr-150e_kinetics400-rgb", "20220901-e7b65fad", "75.12", _30),
        detail="4x16-imagenet",
        note=_IMAGENETS,
    ),
    _plain(
        *(_SLOW, f"slowonly_{_ON_R50}_32xb8-8x8x1-steplr-150e_kinetics710-rgb", "20230612-12ce977c", "72.39", _30),
        note=_IMAGENETS,
    ),
    _plain(_FAST, "slowfast_r50_8xb8-8x8x1-256e_kinetics400-rgb", "20220818-1cb6dfc8", "76.80", _30),
    _plain(
        _FAST, "slowfast_r50_8xb8-8x8x1-steplr-256e_kinetics400-rgb", "20220818-b62a501f", "76.65", _30, detail="steplr"
    ),
    _plain(_I3D, f"i3d_{_ON_R50}_8xb8-32x2x1-100e_kinetics400-rgb", "20220812-e213c223", "73.47", _30),
    _plain(
        *(_I3D, f"i3d_{_ON_R50}_8xb8-dense-32x2x1-100e_kinetics400-rgb", "20220812-9f46003f", "73.77", _30),
        detail="dense",
    ),
    _plain(
        *("timesformer_base", "timesformer_divST_8xb8-8x32x1-15e_kinetics400-rgb", "20220815-a4d0d01f"),
        *("77.69", "1 clip of 3 crops"),
        note=_HALF,
    ),
)
