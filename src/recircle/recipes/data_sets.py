"""The data sets of the recipes: what they are called, and the command that makes their manifest."""

from recircle.recipes.recipe import DataSet


def _indexed(title: str, folder: str, layout: str, *, clips: str = "validation", versions: bool = False) -> DataSet:
    prepare = f"recircle index {folder} --layout {layout}"
    return DataSet(title=title, folder=folder, prepare=prepare, clips=clips, version=layout if versions else None)


SSV1 = _indexed("Something-Something V1", "SSV1", "something_v1", versions=True)
SSV2 = _indexed("Something-Something V2", "SSV2", "something_v2", versions=True)
DIVING48_V1 = _indexed("Diving48 V1", "DIVING48", "diving48_v1", clips="test", versions=True)
DIVING48_V2 = _indexed("Diving48 V2", "DIVING48", "diving48_v2", clips="test", versions=True)
KINETICS400 = _indexed("Kinetics-400", "K400", "kinetics400")
JESTER = _indexed("Jester", "JESTER", "jester")
UCF101 = _indexed("UCF101", "UCF101", "ucf101_split1", clips="test")
HMDB51 = _indexed("HMDB51", "HMDB51", "hmdb51_split1", clips="test")
GYM99 = _indexed("FineGym, Gym99", "FINEGYM", "finegym_gym99", versions=True)
GYM288 = _indexed("FineGym, Gym288", "FINEGYM", "finegym_gym288", versions=True)
MIRACL_WORDS = _indexed("MIRACL words", "MIRACL", "miracl_words", clips="test")
UT_INTERACTION = _indexed("UT-Interaction, set 1, fold 1", "UTI", "ut_interaction", clips="test")
TABLETOP = DataSet(
    title="Tabletop",
    folder="TABLETOP",
    prepare="recircle tabletop --output TABLETOP --size small",
    clips="test",
)
