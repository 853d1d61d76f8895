"""Weights of TimeSformer: its authors' files, and those that the hub has of them for transformers."""

from recircle.models.weights.homes import Download, HubFile
from recircle.models.weights.known import KnownWeights

_CODE = "not stated (code: CC-BY-NC-4.0)"
_AUTHORS = "https://www.dropbox.com/s/"
_DATA = {"K400": "kinetics400", "K600": "kinetics600", "SSv2": "something_v2"}


def _hub(variant: str, network: str, data: str, revision: str, size: str) -> KnownWeights:
    short = {"k400": "kinetics400", "k600": "kinetics600", "ssv2": "something_v2"}[data]
    repository = f"facebook/timesformer-{variant}-finetuned-{data}"
    return KnownWeights(
        name=f"{network}-{short}",
        data=short,
        fits=(network,),
        home=HubFile(repository, "pytorch_model.bin", revision),
        size=size,
        licence="CC-BY-NC-4.0",
        stated=f"the pages of {repository} on the hub",
        note="the file for transformers; the hub gives its SHA-256, which is checked",
    )


def _authors(network: str, place: str, file: str, top1: str) -> KnownWeights:
    data = _DATA[file.removesuffix(".pyth").rpartition("_")[2]]
    return KnownWeights(
        name=f"{network}-{data}-authors",
        data=data,
        fits=(network,),
        home=Download(f"{_AUTHORS}{place}/{file}?dl=1", file),
        licence=_CODE,
        accuracy=f"{top1} %, testing as in the paper",
        stated="facebookresearch/TimeSformer, README.md, which has the address with dl=0, for a page",
    )


ROWS = (
    _hub("base", "timesformer_base", "k400", "72d580cae9d3a854630da97a8cfd8e42ab97dbca", "486 MB"),
    _hub("base", "timesformer_base", "k600", "c18539a0f8e7969c56a9c13c823ded04ea207ca1", "487 MB"),
    _hub("base", "timesformer_base", "ssv2", "3b045270472c79cf9c1b60189ba425e92ed7f004", "486 MB"),
    _hub("hr", "timesformer_hr", "k400", "f74b6fa84daba989bac716ddaa092b97a9af7ea4", "488 MB"),
    _hub("hr", "timesformer_hr", "ssv2", "eed8700e24a0c1c7149bc261aedf6543fb32aa80", "487 MB"),
    _authors("timesformer_base", "g5t24we9gl5yk88", "TimeSformer_divST_8x32_224_K400.pyth", "77.9"),
    _authors("timesformer_hr", "6f0x172lpqy3oxt", "TimeSformer_divST_16x16_448_K400.pyth", "79.6"),
    _authors("timesformer_large", "r1iuxahif3sgimo", "TimeSformer_divST_96x4_224_K400.pyth", "80.6"),
    _authors("timesformer_base", "4h2qt41m2z3aqrb", "TimeSformer_divST_8x32_224_K600.pyth", "79.1"),
    _authors("timesformer_hr", "ft1e92g2vhvxecv", "TimeSformer_divST_16x16_448_K600.pyth", "81.8"),
    _authors("timesformer_large", "857rx6xeclxfhdg", "TimeSformer_divST_96x4_224_K600.pyth", "82.2"),
    _authors("timesformer_base", "tybhuml57y24wpm", "TimeSformer_divST_8_224_SSv2.pyth", "59.1"),
    _authors("timesformer_hr", "9t68uzk8w2fpfnv", "TimeSformer_divST_16_448_SSv2.pyth", "61.8"),
    _authors("timesformer_large", "3f1rm2al8mhprwa", "TimeSformer_divST_64_224_SSv2.pyth", "62.0"),
)
