"""The rows of Tables 1 to 5 as the paper prints them, and the network here that each is about."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from recircle.arc.config import ArcConfig


@dataclass(frozen=True, kw_only=True)
class Printed:
    """What the paper prints in a row.

    Attributes:
        frames: as printed.
        gmacs: billions of multiply-adds of a view ("FLOPs/G"), as printed; "" where there is none.
        views: number of views; "" where the paper has N/A or none.
        params: millions of parameters; "" where there is none.
        accuracy: printed figures by the name of their column.
    """

    frames: str = ""
    gmacs: str = ""
    views: str = ""
    params: str = ""
    accuracy: Mapping[str, str]


@dataclass(frozen=True)
class Network:
    """The network of a row as it is built and measured here.

    Attributes:
        name: one of `list_models()`.
        frames: T of a view.
        size: pixels of its side.
        options: of `create_model`.
        summed_views: the paper prints the cost of so many views in one figure, as Table 2 does for Diving48.
    """

    name: str
    frames: int
    size: int = 224
    options: Mapping[str, Any] = field(default_factory=dict)
    summed_views: int = 1


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row.

    Attributes:
        label: what it is called, in the table's columns.
        printed: what the paper prints.
        network: what it is here.
        classes: K.
        data: the data sets it is about, by the names that manifests have for them.
        notes: keys of the `NOTES` it needs.
    """

    label: tuple[str, ...]
    printed: Printed
    network: Network
    classes: int
    data: tuple[str, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Table:
    """One of the paper's tables.

    Attributes:
        number: 1 to 5.
        title: what it compares.
        columns: titles of the label's columns.
        accuracy: titles of the accuracy columns.
        rows: in the paper's order.
    """

    number: int
    title: str
    columns: tuple[str, ...]
    accuracy: tuple[str, ...]
    rows: tuple[Row, ...]


NOTES = {
    "400": "The printed parameters are those of the network with 400 classes, as trained on Kinetics.",
    "trn": "8 G is half of what BN-Inception needs for 8 frames, and 10.5 M are its parameters with a classifier of "
    "174 classes (10.45 M); the multi-scale relation head, which makes it TRN, is not in the printed figure.",
    "r101": "66 G and 44 M are not those of TSM-ResNet-101, which needs 62.4 G for 8 frames and has 42.9 M with 174 "
    "classes.",
    "i3d": "Cited from Non-local networks, but the figures are those of Space-Time Region Graphs, by way of TSM's "
    "table: 32 frames, no stride in time before the second pooling, none in space in the last stage. The parameters "
    "are those with 400 classes.",
    "rubiks": 'Printed as "ResNet-50", it is a pre-activation network of its own, RubiksNet "large". Counted here are '
    "convolutions and matrix products; the interpolations of the shifts are not.",
    "corrnet": "No code of its authors exists; this network is inferred from their paper and its published counts.",
    "abm_c": '"C-in" is taken to be the consecutive-frame form of ABM-iabp on ResNet-50; the paper prints no cost.',
    "tea": "Counted at 224 px; the published accuracy is that of 30 views of 256 px.",
    "slowfast": 'Printed "16x30" frames: 16 slow beside 64 fast ones, in 30 views; counted at 256 px.',
    "timesformer": '238 G is a slip by ten; and the frames, printed "16x30", are 96, in 3 views, not 30.',
    "i3d_inception": "108 G is the published count of this network; why it is lower is not known.",
    "per_frame": "The cost is that of one frame of 229 px, and 250 views are 25 frames in 10 crops. Why the published "
    "count is lower is not known.",
    "n2": "W^a and W^f have a column for each channel that is fed back: half of them with n = 2, three quarters with "
    "n = 4. The paper prints one cost for both.",
    "single": "As in the published code, W^e is there only where both RA and RF are.",
}
"""Why figures differ, or cannot be compared."""

_SSV1, _DIVING48, _K400 = 174, 48, 400
"""Numbers of classes."""

_DIVING48_BOTH = ("diving48_v1", "diving48_v2")
_INET = "ImgNet"


def _ssv1(
    label: tuple[str, str, str],
    frames: str,
    gmacs: str,
    views: str,
    params: str,
    accuracy: str,
    network: Network,
    *notes: str,
) -> Row:
    printed = Printed(frames=frames, gmacs=gmacs, views=views, params=params, accuracy={"Top-1/Top-5 (%)": accuracy})
    return Row(label=label, printed=printed, network=network, classes=_SSV1, data=("something_v1",), notes=notes)


_I3D = Network("i3d_resnet50_res5_stride1", 32)
_TABLE_1 = (
    _ssv1(("TSN", "ResNet-50", _INET), "8", "33", "1", "24.3", "19.7/-", Network("tsn_resnet50", 8), "400"),
    _ssv1(("TRN", "BN-Inception", _INET), "8", "8", "", "10.5", "34.4/-", Network("trn_bninception", 8), "trn"),
    _ssv1(("TSM-RGB", "ResNet-50", "K400"), "16", "65", "1", "24.3", "47.3/77.1", Network("tsm_resnet50", 16), "400"),
    _ssv1(("GSM", "InceptionV3", _INET), "16", "54", "2", "22.2", "51.7/-", Network("gsm_inceptionv3", 16, 229)),
    _ssv1(("CorrNet-R101", "ResNet-101", "-"), "32", "187", "10", "", "50.9/-", Network("corrnet101", 32), "corrnet"),
    _ssv1(
        ("MSNet", "TSM-ResNet-50", _INET), "16", "67", "1", "24.6", "52.1/82.3", Network("msnet_resnet50", 16), "400"
    ),
    _ssv1(("I3D", "3D ResNet-50", "ImgNet+K400"), "32", "153", "2", "28.0", "41.6/72.2", _I3D, "i3d"),
    _ssv1(("TEA", "ResNet-50", _INET), "16", "70", "30", "", "52.3/81.9", Network("tea_res2net50", 16), "tea"),
    _ssv1(
        ("RubiksNet", "ResNet-50", _INET), "8", "16", "1", "8.5", "46.4/74.5", Network("rubiksnet_large", 8), "rubiks"
    ),
    _ssv1(
        ("ABM-iabp †", "ResNet-18", _INET), "8x3", "30.4", "1", "26.8", "45.1/74.0", Network("abm_iabp_resnet18", 24)
    ),
    _ssv1(("ABM-C-in", "ResNet-50", _INET), "16x3", "", "", "", "49.8/-", Network("abm_iabp_resnet50", 48), "abm_c"),
    _ssv1(("ARC", "TSM-ResNet-18", _INET), "8", "17", "1", "14.2", "47.9/76.4", Network("arc_tsm_resnet18", 8)),
    _ssv1(("ARC", "TSM-ResNet-50", _INET), "8", "37", "1", "27.0", "51.2/79.0", Network("arc_tsm_resnet50", 8)),
    _ssv1(("ARC", "TSM-ResNet-50", _INET), "16", "74", "1", "27.0", "53.4/81.8", Network("arc_tsm_resnet50", 16)),
    _ssv1(
        ("ARC", "TSM-ResNet-50", _INET), "8+16", "111", "1", "54.0", "55.0/82.6", Network("arc_tsm_resnet50_8f_16f", 16)
    ),
)


def _pair(
    data: str, model: str, backbone: str, gmacs: str, params: str, accuracy: tuple[str, str], name: str, *notes: str
) -> Row:
    something = data == "SS-V1"
    frames, views = (8, 1) if something else (16, 2)
    top1, gain = accuracy
    return Row(
        label=(data, model, backbone),
        printed=Printed(gmacs=gmacs, params=params, accuracy={"Top-1 (%)": top1, "Gain": gain}),
        network=Network(name, frames, summed_views=views),
        classes=_SSV1 if something else _DIVING48,
        data=("something_v1" if something else "diving48_v1",),
        notes=notes,
    )


_TABLE_2 = (
    _pair("SS-V1", "TSM †", "ResNet-18", "15", "11", ("41.8", "-"), "tsm_resnet18"),
    _pair("SS-V1", "TSM †", "ResNet-50", "33", "24", ("47.8", "-"), "tsm_resnet50"),
    _pair("SS-V1", "TSM †", "ResNet-101", "66", "44", ("50.0", "-"), "tsm_resnet101", "r101"),
    _pair("SS-V1", "ARC-TSM", "ResNet-18", "17", "14", ("47.9", "+6.1"), "arc_tsm_resnet18"),
    _pair("SS-V1", "ARC-TSM", "ResNet-50", "37", "27", ("51.2", "+3.4"), "arc_tsm_resnet50"),
    _pair("Diving48-V1", "TSM †", "ResNet-18", "58", "11", ("36.0", "-"), "tsm_resnet18"),
    _pair("Diving48-V1", "TSM †", "ResNet-50", "132", "24", ("38.8", "-"), "tsm_resnet50"),
    _pair("Diving48-V1", "TSM †", "ResNet-101", "264", "44", ("41.9", "-"), "tsm_resnet101", "r101"),
    _pair("Diving48-V1", "ARC-TSM", "ResNet-18", "69", "14", ("39.6", "+3.6"), "arc_tsm_resnet18"),
    _pair("Diving48-V1", "ARC-TSM", "ResNet-50", "149", "27", ("42.4", "+3.6"), "arc_tsm_resnet50"),
)


def _dive(
    label: tuple[str, str, str],
    frames: str,
    gmacs: str,
    views: str,
    params: str,
    accuracy: tuple[str, str],
    network: Network,
    *notes: str,
) -> Row:
    columns: dict[str, str] = dict(zip(("V1 Top-1 (%)", "V2 Top-1 (%)"), accuracy))
    printed = Printed(frames=frames, gmacs=gmacs, views=views, params=params, accuracy=columns)
    return Row(label=label, printed=printed, network=network, classes=_DIVING48, data=_DIVING48_BOTH, notes=notes)


_GSM, _SLOWFAST = Network("gsm_inceptionv3", 16, 229), Network("slowfast_resnet101", 64, 256)
_TIMESFORMER = Network("timesformer_large", 96)
_TABLE_3 = (
    _dive(("TSM †", "ResNet-50", _INET), "16", "65", "2", "24.3", ("38.8", "-"), Network("tsm_resnet50", 16), "400"),
    _dive(
        ("CorrNet-R101", "ResNet-101", "-"), "32", "187", "10", "", ("38.2", "-"), Network("corrnet101", 32), "corrnet"
    ),
    _dive(("GSM", "IncV3", _INET), "16", "54", "2", "", ("40.3", "-"), _GSM),
    _dive(("SlowFast 16x8", "ResNet-101", _INET), "16x30", "213", "30", "", ("-", "77.6"), _SLOWFAST, "slowfast"),
    _dive(("TimeSformer-L", "ViT-base", _INET), "16x30", "238", "30", "", ("-", "81.0"), _TIMESFORMER, "timesformer"),
    _dive(("ARC", "TSM-ResNet-18", _INET), "16", "34.2", "2", "14.2", ("39.6", "-"), Network("arc_tsm_resnet18", 16)),
    _dive(
        ("ARC", "TSM-ResNet-50", _INET), "16", "74.2", "2", "27.0", ("42.4", "89.8"), Network("arc_tsm_resnet50", 16)
    ),
)


def _variant(label: tuple[str, ...], cost: tuple[str, str], top1: str, arc: ArcConfig | None, *notes: str) -> Row:
    gmacs, params = cost
    name = "tsm_resnet18" if arc is None else "arc_tsm_resnet18"
    return Row(
        label=label,
        printed=Printed(gmacs=gmacs, params=params, accuracy={"Top-1 (%)": top1}),
        network=Network(name, 8, options={} if arc is None else {"arc": arc}),
        classes=_SSV1,
        data=("something_v1",),
        notes=notes,
    )


_UNPRINTED = ("", "")
_PRODUCT = ArcConfig(interaction="multiplicative", aggregation="S")
_TABLE_4 = (
    _variant(("a", "neither RA nor RF"), _UNPRINTED, "41.8", None),
    _variant(("a", "RF"), _UNPRINTED, "46.3", ArcConfig(attention=False), "single"),
    _variant(("a", "RA"), _UNPRINTED, "46.7", ArcConfig(fusion=False), "single"),
    _variant(("a", "RA and RF"), _UNPRINTED, "47.9", ArcConfig()),
    _variant(("b", "n = 1"), ("14.6", "11.3"), "41.8", None),
    _variant(("b", "n = 2"), ("17.2", "14.2"), "46.5", ArcConfig(steps=2), "n2"),
    _variant(("b", "n = 4"), ("17.2", "14.2"), "47.9", ArcConfig()),
    _variant(("c", "multiplicative, S, GRU"), _UNPRINTED, "45.0", replace(_PRODUCT, attention_module="gru")),
    _variant(("c", "multiplicative, S, FC"), _UNPRINTED, "46.2", _PRODUCT),
    _variant(("c", "additive, S, GRU"), _UNPRINTED, "45.6", ArcConfig(aggregation="S", attention_module="gru")),
    _variant(("c", "additive, ST, FC"), _UNPRINTED, "46.5", ArcConfig(aggregation="ST")),
    _variant(("c", "additive, T, FC"), _UNPRINTED, "47.5", ArcConfig(aggregation="T")),
    _variant(("c", "additive, S, FC"), _UNPRINTED, "47.0", ArcConfig(aggregation="S")),
    _variant(("c", "additive, S+T, FC"), _UNPRINTED, "47.9", ArcConfig()),
)


def _kinetics(
    label: tuple[str, str], frames: str, gmacs: str, views: str, top1: str, network: Network, *notes: str
) -> Row:
    printed = Printed(frames=frames, gmacs=gmacs, views=views, accuracy={"Val Top-1 (%)": top1})
    return Row(label=label, printed=printed, network=network, classes=_K400, data=("kinetics400",), notes=notes)


_TABLE_5 = (
    _kinetics(("TSN", "InceptionV3"), "25", "3.2", "250", "72.5", Network("tsn_inceptionv3", 1, 229), "per_frame"),
    _kinetics(("MSN", "TSM-ResNet-50"), "8", "34", "10", "75.0", Network("msnet_resnet50", 8)),
    _kinetics(("TSM", "ResNet-50"), "8", "33", "30", "74.1", Network("tsm_resnet50", 8)),
    _kinetics(("I3D", "BN-Inception"), "64", "108", "", "72.1", Network("i3d_inception", 64), "i3d_inception"),
    _kinetics(("SlowOnly", "ResNet-50"), "8", "41.9", "10", "74.8", Network("slowonly_resnet50", 8)),
    _kinetics(("TEA", "ResNet-50"), "8", "35", "10", "75.0", Network("tea_res2net50", 8)),
    _kinetics(("ARC", "TSM-ResNet-50"), "8", "37", "30", "75.0", Network("arc_tsm_resnet50", 8)),
)

TABLES = {
    table.number: table
    for table in (
        Table(
            number=1,
            title="Something-Something V1, RGB models",
            columns=("Model", "Backbone", "Pre-train"),
            accuracy=("Top-1/Top-5 (%)",),
            rows=_TABLE_1,
        ),
        Table(
            number=2,
            title="ARC against (deeper) hosts of common layers",
            columns=("Data", "Model", "Backbone"),
            accuracy=("Top-1 (%)", "Gain"),
            rows=_TABLE_2,
        ),
        Table(
            number=3,
            title="Diving48, first and corrected annotation",
            columns=("Model", "Backbone", "Pre-train"),
            accuracy=("V1 Top-1 (%)", "V2 Top-1 (%)"),
            rows=_TABLE_3,
        ),
        Table(
            number=4,
            title="Ablations on Something-Something V1, ARC-TSM-ResNet-18, 8 frames",
            columns=("Part", "Variant"),
            accuracy=("Top-1 (%)",),
            rows=_TABLE_4,
        ),
        Table(
            number=5,
            title="Kinetics-400",
            columns=("Model", "Backbone"),
            accuracy=("Val Top-1 (%)",),
            rows=_TABLE_5,
        ),
    )
}
"""By number."""
