"""A run as a folder for the hub, and the folder to a repository."""

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from recircle.checksums import SUMS, sha256_of, write_sums
from recircle.config import to_json
from recircle.errors import UserError
from recircle.evaluation.calibration import Calibration
from recircle.files import atomic_write, make_folder, writing
from recircle.hub import DESCRIPTION, TEMPERATURE, WEIGHTS, HubReference, hub_errors, quieten
from recircle.push.card import Card
from recircle.push.measured import read_measured, view_cost
from recircle.push.private import calibration_without_places, check_private, started_from, without_places
from recircle.run import Run

CARD = "README.md"


@dataclass(frozen=True, kw_only=True)
class Pushed:
    """What was made for the hub.

    Attributes:
        files: of the repository.
        missing: what the card could not say, each with the command that would measure it.
        commit: what the hub calls this revision; empty where nothing was uploaded.
    """

    files: tuple[str, ...]
    missing: tuple[str, ...]
    commit: str = ""


def write_folder(
    run: Run, folder: Path, reference: HubReference, *, licence: str = "", predictions: str | None = None
) -> Pushed:
    """Write what others need of a run: weights, what belongs to them, checksums and a card; nothing is uploaded.

    Args:
        run: the run.
        folder: that is written; it is made, and may hold what an earlier call wrote.
        reference: the repository that it is for.
        licence: of the weights, such as "mit" or "cc-by-4.0"; empty where it is not stated.
        predictions: the name of those that the card is made from; None takes the newest.

    Raises:
        UserError: the run has no trained model, or one that only Python builds; the folder holds other things; or what
            would be written names places of this machine.
        WriteError: the disk refuses it.
    """
    spec = run.load_spec()
    if spec.model.given is not None:
        raise UserError(
            f"the network of {run.path}, {spec.model.name}, was given to recircle.train as an object, which nobody "
            "else can build; train by the name of a function with @recircle.register_model, and push that run"
        )
    public = without_places(spec)
    measured = read_measured(run, spec, predictions)
    foreign = sorted({path.name for path in folder.iterdir()} - {*_NAMES}) if folder.is_dir() else []
    if foreign:
        raise UserError(f"{folder} holds other things, such as {foreign[0]}; give a new folder")
    make_folder(folder)
    with writing(folder):
        shutil.copyfile(run.weights_path, folder / WEIGHTS)
    atomic_write(folder / DESCRIPTION, to_json(public))
    (folder / TEMPERATURE).unlink(missing_ok=True)
    if run.calibration_path.is_file():
        calibration_without_places(Calibration.load(run.calibration_path)).save(folder / TEMPERATURE)
    files = [name for name in (WEIGHTS, DESCRIPTION, TEMPERATURE) if (folder / name).is_file()]
    card = Card(
        reference=reference,
        spec=public,
        measured=measured,
        cost=view_cost(spec, measured),
        licence=licence,
        started_from=started_from(spec.model.pretrained),
        digests={name: sha256_of(folder / name) for name in files},
    ).render()
    for text in (card, *((folder / name).read_text(encoding="utf-8") for name in files if name.endswith(".json"))):
        check_private(text, run.path)
    atomic_write(folder / CARD, card)
    write_sums(folder, files)
    missing: list[str] = []
    if measured is None:
        missing.append(f"figures: `recircle eval {run.path}`")
    if measured is None or measured.shuffled is None:
        missing.append(f"accuracy with shuffled frames: `recircle eval {run.path} --order shuffled`")
    if not licence:
        missing.append("a licence: --licence, such as mit or cc-by-4.0")
    return Pushed(files=(CARD, *files, SUMS), missing=tuple(missing))


def push_run(
    run: Run,
    reference: HubReference,
    *,
    licence: str = "",
    predictions: str | None = None,
    private: bool = False,
    tag: str | None = None,
) -> Pushed:
    """Upload what others need of a run to a repository of the hub, which is made if it is not there.

    Args:
        run: the run.
        reference: the repository.
        licence: see `write_folder`, like what follows.
        predictions: see `write_folder`.
        private: make a new repository private; one that is there stays as it is.
        tag: a name for this revision, such as "v1".

    Raises:
        UserError: as `write_folder`; or the hub cannot be reached, knows no token, or gives no right to write there.
        WriteError: the disk refuses it.
    """
    from huggingface_hub import HfApi

    with tempfile.TemporaryDirectory(prefix="recircle-push-") as folder:
        made = write_folder(run, Path(folder), reference, licence=licence, predictions=predictions)
        quieten()
        api = HfApi(library_name="recircle")
        with hub_errors(reference):
            # without the switch, as the owner's settings have it
            api.create_repo(reference.repository, private=private or None, exist_ok=True)
            commit = api.upload_folder(
                repo_id=reference.repository,
                folder_path=folder,
                commit_message="Run of recircle",
                # one that was pushed before has another temperature
                delete_patterns=[TEMPERATURE],
            ).oid
            if tag is not None:
                api.create_tag(reference.repository, tag=tag, revision=commit)
    return Pushed(files=made.files, missing=made.missing, commit=commit)


_NAMES = (CARD, WEIGHTS, DESCRIPTION, TEMPERATURE, SUMS)
