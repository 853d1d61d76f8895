"""Which manifest is taken, and which command writes it where there is none."""

import shlex
from pathlib import Path

import pytest

from recircle.cli.main import main
from recircle.errors import UserError
from recircle.fit.manifests import Source, check_classes, find_source
from recircle.manifest.manifest import Clip, Manifest
from tests.media import moving_frames, write_video
from tests.small_run import write_clips, write_frames


def source(clips: Path, *, divided: bool = False) -> Source:
    return find_source(clips, holdout=0.25, divided=divided)


def folder_per_class(root: Path, *splits: str) -> Path:
    for split in splits or ("",):
        for number in range(8):
            write_video(root / split / "ab"[number % 2] / f"{number}.mp4", moving_frames(3))
    return root


def test_a_folder_is_indexed_and_a_share_of_it_held_out(tmp_path: Path) -> None:
    clips = folder_per_class(tmp_path / "my clips")
    found = source(clips)
    assert found == Source(clips / "manifest.csv", ("index", str(clips), "--holdout", "0.25"))
    assert main(list(found.index)) == 0
    assert {clip.split for clip in Manifest.read(found.manifest).clips} == {"train", "val"}
    again = source(clips)
    assert (again.manifest, again.index) == (found.manifest, ())
    assert "manifest.csv is taken as it is" in again.remark


def test_splits_that_are_there_are_kept(tmp_path: Path) -> None:
    clips = folder_per_class(tmp_path / "clips", "train", "val")
    assert source(clips).index == ("index", str(clips))
    assert source(folder_per_class(tmp_path / "others"), divided=True).index == ("index", str(tmp_path / "others"))


def test_a_list_gets_a_manifest_of_its_own_name(tmp_path: Path) -> None:
    for number in range(8):
        write_video(tmp_path / f"{number}.mp4", moving_frames(3))
    listed = tmp_path / "list.csv"
    listed.write_text("path,label\n" + "".join(f"{number}.mp4,{'ab'[number % 2]}\n" for number in range(8)))
    found = source(listed)
    assert found.manifest == tmp_path / "list-clips.csv"
    assert shlex.join(found.index) == f"index {listed} --holdout 0.25 --output {tmp_path / 'list-clips.csv'}"
    assert main(list(found.index)) == 0
    assert (source(listed).manifest, source(listed).index) == (found.manifest, ())


def test_a_manifest_without_splits_is_left_alone(tmp_path: Path) -> None:
    clips = tuple(
        Clip(path=write_frames(tmp_path / f"{n}", 3, seed=n).name, label="ab"[n % 2], frames=3) for n in range(8)
    )
    manifest = Manifest(clips, tmp_path).write(tmp_path / "manifest.csv")
    assert manifest.file is not None
    before = manifest.file.read_bytes()
    for given in (tmp_path, manifest.file):
        found = source(given)
        assert found.manifest == tmp_path / "manifest-holdout.csv"
        assert found.index[:2] == ("index", str(manifest.file))
    assert main(list(found.index)) == 0
    assert manifest.file.read_bytes() == before
    assert source(tmp_path).manifest == tmp_path / "manifest-holdout.csv"
    assert source(tmp_path).index == ()
    assert source(tmp_path, divided=True).manifest == manifest.file


def test_a_manifest_with_splits_is_taken(tmp_path: Path) -> None:
    manifest = write_clips(tmp_path / "clips")
    assert manifest.file is not None
    for given in (manifest.root, manifest.file):
        assert (source(given).manifest, source(given).index) == (manifest.file, ())


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="none is not there; give a folder of clips, a list of them, or a manifest"):
        source(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="holds no videos and no folders of frames"):
        source(tmp_path / "empty")


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["", ""], "no clip that can be read has a label"),
        (["a", "a", ""], "m.csv has the one class 'a'; a network tells two or more apart"),
        (["a", "b", "c"], "no class has two clips or more that can be read"),
        (["a", "a", "b", "-b"], "only one class has two clips or more that can be read"),
    ],
)
def test_what_cannot_be_learnt_is_refused(labels: list[str], message: str) -> None:
    clips = [
        Clip(path=f"{number}", label=label.strip("-"), frames=1, status="broken" if label.startswith("-") else "ok")
        for number, label in enumerate(labels)
    ]
    with pytest.raises(UserError, match=message):
        check_classes(Path("m.csv"), clips)


def test_two_clips_of_two_classes_are_enough() -> None:
    check_classes(Path("m.csv"), [Clip(path=f"{n}", label="ab"[n % 2], frames=1) for n in range(4)])
