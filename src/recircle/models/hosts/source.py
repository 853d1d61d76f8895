"""What is known of a network of another library before it is built: from its name to all that builds it again."""

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from recircle.config import parse_json, read_bytes
from recircle.errors import UserError
from recircle.models.hosts.libraries import import_hub, import_timm
from recircle.models.hosts.processors import cropped, from_processor
from recircle.views.preprocessing import Preprocessing

Library = Literal["transformers", "timm"]
HF, TIMM, SHIFTED = "hf:", "timm:", "tsm/"

_PROCESSORS = ("preprocessor_config.json", "video_preprocessor_config.json")
_OF_WEIGHTS = ("id2label", "label2id", "num_labels", "architectures", "dtype", "torch_dtype", "_name_or_path")
"""Fields of a config that tell of the weights that lie beside it, and not of the network."""
_SHARE = 0.875
"""The part of the shorter side that is cropped, where a config does not say."""


@dataclass(frozen=True, kw_only=True)
class Host:
    """A network of another library: what a run keeps of it, so that it is built without that library's hub.

    Attributes:
        name: what it was asked for by, such as "hf:MCG-NJU/videomae-base" or "timm:tsm/resnet50".
        library: whose network it is.
        network: which of its networks: transformers' `model_type`, or timm's architecture.
        config: what the library builds it from: transformers' configuration, or the arguments of timm's function.
        preprocessing: how frames become its input, from its own files.
        revision: the commit of the hub that it came from; empty for a folder.
        version: of the library that read it.
    """

    name: str
    library: Library
    network: str
    config: dict[str, Any]
    preprocessing: Preprocessing
    revision: str = ""
    version: str = ""

    @property
    def place(self) -> str:
        """Where it comes from: a folder, or a name in a hub, with the revision after an @."""
        place = self.name.removeprefix(HF).removeprefix(TIMM)
        return place.removeprefix(SHIFTED) if self.library == "timm" else place

    @property
    def shifted(self) -> bool:
        """Whether frames are shifted in time before its residual blocks."""
        return self.library == "timm" and self.name.startswith(TIMM + SHIFTED)


def is_host(name: str) -> bool:
    """Tell whether a name is of a network of another library."""
    return name.startswith((HF, TIMM))


def read_host(name: str) -> Host:
    """Return what is known of the network of a name; its weights are not read.

    Args:
        name: `hf:OWNER/NAME`, with @REVISION or not, or `hf:FOLDER`, a folder with config.json; `timm:NAME` for one of
            timm's names, `timm:FOLDER` or `timm:hf_hub:OWNER/NAME`; `timm:tsm/...` for these with the temporal shift.

    Raises:
        UserError: there is no such network, its files cannot be read or had, or the library is not installed.
    """
    if name.startswith(HF):
        return _read_transformers(name)
    return _read_timm(name)


def open_file(place: str, file: str) -> Path | None:
    """Return a file of a folder or of a hub's repository, fetched where it is not there yet; None if it has none.

    Raises:
        UserError: there is no such folder or repository, or the hub cannot be reached.
    """
    if Path(place).is_dir():
        path = Path(place) / file
        return path if path.is_file() else None
    repository, revision = split_revision(place)
    if repository.count("/") != 1 or repository.startswith((".", "/", "~")):
        raise UserError(f"there is no folder {place}; give one with config.json, or OWNER/NAME of a network in the hub")
    hub = import_hub()
    try:
        return Path(hub.hf_hub_download(repository, file, revision=revision))
    except hub.errors.EntryNotFoundError as problem:
        if isinstance(problem, hub.errors.LocalEntryNotFoundError):
            raise UserError(
                f"there is no folder {place}, and {file} of {repository} is not in the hub's cache and cannot be "
                "fetched: see that the hub can be reached, or give a folder with its files"
            ) from None
        return None
    except Exception as problem:  # the client raises errors of the libraries below it, too
        reason = str(problem).strip().partition("\n")[0]
        raise UserError(f"{repository} cannot be had from the hub, nor is there such a folder: {reason}") from None


def split_revision(place: str) -> tuple[str, str | None]:
    """Return the repository and the revision of OWNER/NAME@REVISION; None where none is given."""
    repository, _, revision = place.partition("@")
    return repository, revision or None


def read_classes(host: Host) -> tuple[str, ...]:
    """Return the classes of the weights that lie beside transformers' config, in the order of their logits.

    They may be names that only number them, such as LABEL_0; empty where the config does not say.

    Raises:
        UserError: the config cannot be read or had.
    """
    named = _read_json(open_file(host.place, "config.json"), host.place).get("id2label") or {}
    return tuple(str(named.get(str(number), "")) for number in range(len(named)))


def _read_transformers(name: str) -> Host:
    place = name.removeprefix(HF)
    if not place:
        raise UserError(f"{name!r} names no network; give hf:OWNER/NAME, or hf:FOLDER with config.json in it")
    path = open_file(place, "config.json")
    if path is None:
        raise UserError(f"{place} holds no config.json, so it is no network of transformers")
    config = _read_json(path, place)
    kind = config.get("model_type")
    if not isinstance(kind, str):
        hint = "; it is timm's, so name it timm:" + place if "architecture" in config else ""
        raise UserError(f"{path} has no model_type, so it is no network of transformers{hint}")
    processor = next((found for file in _PROCESSORS if (found := open_file(place, file))), None)
    sides = _sides(config)
    if processor is None:
        preprocessing = cropped(Preprocessing(), sides)
    else:
        preprocessing = from_processor(_read_json(processor, place), sides, source=processor)
    # in the hub's cache, the folder of a file is called by the commit
    commit = path.parent.name if not Path(place).is_dir() else ""
    kept = {key: value for key, value in config.items() if key not in _OF_WEIGHTS}
    return Host(
        name=name,
        library="transformers",
        network=kind,
        config=kept,
        preprocessing=preprocessing,
        revision=commit,
        version=version("transformers"),
    )


def _sides(config: Mapping[str, Any]) -> tuple[int, int] | None:
    size = config.get("image_size", config.get("crop_size"))
    if isinstance(size, int):
        return size, size
    return tuple(size) if isinstance(size, list) and len(size) == 2 else None


def _read_timm(name: str) -> Host:
    place = name.removeprefix(TIMM).removeprefix(SHIFTED)
    timm = import_timm()
    commit = ""
    if Path(place).is_dir() or place.startswith(("hf_hub:", "hf-hub:")):
        path = open_file(place.partition(":")[2] or place, "config.json")
        if path is None:
            raise UserError(f"{place} holds no config.json, so it is no network of timm")
        content = _read_json(path, place)
        architecture, arguments = content.get("architecture"), dict(content.get("model_args") or {})
        given = content.get("pretrained_cfg", content)
        commit = path.parent.name if not Path(place).is_dir() else ""
        if not isinstance(architecture, str):
            hint = f"; it is transformers', so name it hf:{place}" if "model_type" in content else ""
            raise UserError(f"{path} has no architecture, so it is no network of timm{hint}")
    else:
        architecture, arguments = place, {}
        given = None
    bare, dot, tag = architecture.partition(".")
    tags = [name.partition(".")[2] for name in timm.list_pretrained(f"{bare}.*")]
    if not timm.is_model(bare) or (dot and tag not in tags):
        near = difflib.get_close_matches(bare, timm.list_models(), n=3, cutoff=0.5)
        there = f"; its weights are {', '.join(f'{bare}.{name}' for name in tags[:8])}" if timm.is_model(bare) else ""
        hint = there or (f"; did you mean {', '.join(near)}?" if near else "")
        raise UserError(f"timm {timm.__version__} has no network {architecture!r}{hint}")
    # what it is built from may hold that of the weights' classifier
    arguments.pop("num_classes", None)
    known = timm.get_pretrained_cfg(architecture)
    values = (known.to_dict() if known is not None else {}) | (given or {})
    size = arguments.get("img_size") or values.get("input_size", (3, 224, 224))[-2:]
    height, width = (size, size) if isinstance(size, int) else size
    share = values.get("crop_pct") or _SHARE
    return Host(
        name=name,
        library="timm",
        network=architecture,
        config=json.loads(json.dumps(arguments)),
        preprocessing=Preprocessing(
            resize=max(round(min(height, width) / share), min(height, width)),
            crop=height if height == width else (height, width),
            mean=tuple(values.get("mean", Preprocessing().mean)),
            std=tuple(values.get("std", Preprocessing().std)),
        ),
        revision=commit,
        version=timm.__version__,
    )


def _read_json(path: Path | None, place: str) -> dict[str, Any]:
    assert path is not None, place
    content = parse_json(read_bytes(path), path)
    if not isinstance(content, dict):
        raise UserError(f"{path} is not a config: it holds no fields")
    return content
