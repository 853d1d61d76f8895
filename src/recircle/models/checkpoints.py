"""Load weight files into networks, loudly: every key of the file and of the network is accounted for."""

import json
import re
import warnings
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from recircle.arc.module import ADDED, ArcLayer
from recircle.arc.step_statistics import NAME as STATISTICS
from recircle.arc.step_statistics import StepStatistics
from recircle.checksums import check_sums
from recircle.errors import UserError
from recircle.hub import fetch_folder, is_reference, parse_reference
from recircle.layers.temporal_shift import TemporalShift
from recircle.models.base import VideoModel
from recircle.models.load_report import LoadReport
from recircle.models.weight_files import OWN_SUFFIX, read_weights
from recircle.models.weights.fetch import fetch_weights
from recircle.models.weights.table import find_weights, is_name
from recircle.public import public

IMAGENET_CLASSES = 1000
WEIGHT_FILES = ("model.safetensors", "pytorch_model.bin")
"""What a folder calls its weights: a run, and transformers."""
_WRAPPED = re.compile(r"(.+)\.conv1\.net\.(\w+)")
"""A parameter of a convolution whose input is shifted in time, in checkpoints of the TSN family and of mmaction2."""


def load_pretrained(model: VideoModel, pretrained: str | Path) -> LoadReport:
    """Load weights to start a training from. A classifier of another number of classes is left out.

    Args:
        model: the network.
        pretrained: the name of known weights, or of what they were trained on ("imagenet", "kinetics400"), which are
            fetched if they are not here; or a run, by its folder or as `hf:OWNER/NAME`; or the path of a weight file.

    Raises:
        UserError: nothing of that name fits the network, or it cannot be fetched, or is damaged, or does not fit.
    """
    if not is_name(pretrained):
        return load_weights(model, _weight_file(pretrained), new_classifier=True)
    known = find_weights(model.name, str(pretrained))
    report = load_weights(model, fetch_weights(known), new_classifier=True)
    return replace(report, weights=known.name, note=known.note)


def _weight_file(given: str | Path) -> Path:
    """Return the file of weights that is meant by a file, a folder or a repository of the hub."""
    if is_reference(given):
        reference = parse_reference(given)
        # one after the other, since many repositories have both
        files = (fetch_folder(reference, [name]) / name for name in WEIGHT_FILES)
    else:
        folder = Path(given)
        if not folder.is_dir():
            return folder
        check_sums(folder, "copy the folder again")
        files = (folder / name for name in WEIGHT_FILES)
    found = next((file for file in files if file.is_file()), None)
    if found is None:
        raise UserError(f"{given} has no weight file; it would be called {' or '.join(WEIGHT_FILES)}")
    return found


@public
def load_weights(model: VideoModel, path: str | Path, *, new_classifier: bool = False) -> LoadReport:
    """Load a weight file into a network.

    The file may be a published checkpoint of the network, one of the ImageNet network that is its trunk, or a
    `.safetensors` file of this package; `model.convert_published` knows the names. Weights of a plain host also load
    into its ARC form, whose matrices keep their values then.

    Args:
        model: the network; it is changed in place.
        path: the file. Pickled files are read with `weights_only=True`.
        new_classifier: keep the network's classifier where that of the file has another number of classes. ImageNet's
            1000-way classifier of an image network is left out in any case.

    Returns:
        What was loaded and what was not.

    Raises:
        UserError: the file cannot be read, holds other things than weights, or does not fit the network; the message
            lists keys that are missing, left over or of another shape.
    """
    path = Path(path)
    published = read_weights(path)
    state = model.convert_published(published)
    target = model.state_dict()
    # the file's own are in its norms, whatever other numbers of steps it has statistics for
    state = {key: value for key, value in state.items() if key in target or not key.startswith(f"{STATISTICS}.")}

    left_out = _classifier_to_leave(model, state, target)
    if left_out:
        classes = state[left_out[0]].shape[0]
        imagenet = path.suffix != OWN_SUFFIX and classes == IMAGENET_CLASSES and not _is_tsn_family(published)
        if not (new_classifier or imagenet):
            raise UserError(
                f"{path} has a classifier of {classes} classes, {model.name} one of {model.num_classes}; "
                "make the network with that number of classes, or pass new_classifier=True to leave it out"
            )
        state = {key: value for key, value in state.items() if key not in left_out}

    missing = [key for key in target if key not in state]
    if left_out:
        missing = [key for key in missing if key not in model.classifier_keys]
    # files from before PyTorch 0.4.1 have no counters
    missing = [key for key in missing if not key.endswith(".num_batches_tracked")]
    apart = {key for key in target if key.startswith(f"{STATISTICS}.")}
    if apart.isdisjoint(state):
        missing = [key for key in missing if key not in apart]
    kept: list[str] = []
    for part in (arc_parameters(model), model.added_parameters()):
        # a part is in the file whole, or not at all
        if part and part.isdisjoint(state):
            kept += [key for key in missing if key in part]
            missing = [key for key in missing if key not in part]
    over = [key for key in state if key not in target]
    unknown_steps = _unknown_steps(model, state)
    shapes = [
        f"{key} {list(state[key].shape)} instead of {list(target[key].shape)}"
        for key in state
        if key in target and state[key].shape != target[key].shape and not (unknown_steps and key in apart)
    ]
    kinds = [
        f"{key} {state[key].dtype} instead of {target[key].dtype}"
        for key in state
        # the other way round are counters, which some files keep as fractions
        if key in target and target[key].is_floating_point() and not state[key].is_floating_point()
    ]
    faults = [
        f"{what}: {_shorten(keys)}"
        for what, keys in (
            ("missing", missing),
            ("left over", over),
            ("of another shape", shapes),
            ("of another kind of numbers", kinds),
            ("of other numbers of steps", unknown_steps),
        )
        if keys
    ]
    if faults:
        raise UserError(f"{path} does not fit {model.name}; {'; '.join(faults)}")
    model.load_state_dict(state, strict=False)
    if apart.isdisjoint(state):
        _begin_statistics(model)
    _tell_of_frames_ahead(model, path, published)
    return LoadReport(path=path, loaded=len(state), left_out=left_out, kept=tuple(kept))


def _unknown_steps(model: VideoModel, state: Mapping[str, Tensor]) -> list[str]:
    """Return which numbers of steps a file has statistics for, where the network has them for others."""
    found = state.get(f"{STATISTICS}.numbers")
    if found is None:
        return []
    statistics = (module for module in model.children() if isinstance(module, StepStatistics))
    return [f"{found.tolist()}, not {[*one.steps]}" for one in statistics if found.tolist() != [*one.steps]]


def _begin_statistics(model: VideoModel) -> None:
    """Give each number of steps that the network keeps statistics for those that came with the file's norms."""
    for module in model.children():
        if isinstance(module, StepStatistics):
            module.begin(model)


def _tell_of_frames_ahead(model: VideoModel, path: Path, published: Mapping[str, Tensor]) -> None:
    """Warn where a network that looks back alone begins from weights of one that looks ahead, or the other way round.

    The weights fit. Which network they come from is known of published checkpoints with a temporal shift, and of runs,
    which say it in the file beside them. To single frames there is no direction.
    """
    if not any(isinstance(module, TemporalShift | ArcLayer) for module in model.modules()):
        return
    causal: bool | None = None
    if any(_WRAPPED.search(key) for key in published):
        causal = False
    elif path.suffix == OWN_SUFFIX and (beside := path.with_name("model.json")).is_file():
        with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
            of = json.loads(beside.read_bytes())["model"]
            causal = None if of["name"].startswith("tsn_") else bool(of.get("causal", False))
    if causal is None or causal == model.causal:
        return
    theirs, ours = ("looks", "does not") if not causal else ("does not look", "does")
    warnings.warn(
        f"{path} fits, but is of a network that {theirs} at later frames, and {model.name} as it is here {ours}: the "
        "weights are a beginning, so train it",
        stacklevel=4,
    )


def arc_parameters(model: torch.nn.Module) -> set[str]:
    """Return the names of all parameters that ARC layers added to their networks."""
    names: set[str] = set()
    for prefix, layer in model.named_modules():
        if isinstance(layer, ArcLayer):
            names |= {f"{prefix}.{key}" for key in layer.state_dict() if key.split(".")[0] in ADDED}
    return names


def rename_tsn_family(state: dict[str, Tensor], shifted: Collection[str], name: str) -> dict[str, Tensor]:
    """Bring the keys of a published TSN or TSM checkpoint to torchvision's names; other state dicts stay as they are.

    Args:
        state: with keys such as `base_model.layer1.0.conv1.net.weight` and `new_fc.bias`.
        shifted: the blocks of the network that begin with a temporal shift, such as `layer1.0`.
        name: of the network, for messages.

    Raises:
        UserError: other blocks are shifted in the checkpoint, so its weights would not mean the same.
    """
    if not _is_tsn_family(state):
        return state
    renamed: dict[str, Tensor] = {}
    theirs: set[str] = set()
    for key, value in state.items():
        new = key.removeprefix("base_model.").replace("new_fc.", "fc.")
        wrapped = _WRAPPED.fullmatch(new)
        if wrapped:
            theirs.add(wrapped[1])
            new = f"{wrapped[1]}.conv1.{wrapped[2]}"
        renamed[new] = value
    differing = theirs ^ set(shifted)
    if differing:
        what = "fewer" if theirs < set(shifted) else "more" if theirs > set(shifted) else "other"
        raise UserError(
            f"the checkpoint shifts {what} blocks in time than {name} does: {_shorten(sorted(differing))} differ; "
            "load it into the network it was trained as (tsn_... without, tsm_... with the shift)"
        )
    return renamed


def rename_mmaction2(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Bring mmaction2's names of a ResNet's parameters to torchvision's; other state dicts stay as they are.

    There a convolution and its norm are the parts `conv` and `bn` of one module, so that `layer1.0.conv1.bn.weight` is
    `layer1.0.bn1.weight`. Where the input of `conv1` is shifted, `net` remains in the name.
    """
    if not any(key.startswith("cls_head.fc_cls.") for key in state):
        return state
    renamed: dict[str, Tensor] = {}
    for key, value in state.items():
        new = re.sub(r"^cls_head\.fc_cls\.", "new_fc.", key)
        new = re.sub(r"^backbone\.", "base_model.", new)
        new = re.sub(r"\bconv(\d)\.bn\.", r"bn\1.", new)
        new = re.sub(r"\b(conv\d)\.conv\.", r"\1.", new)
        new = new.replace("downsample.conv.", "downsample.0.").replace("downsample.bn.", "downsample.1.")
        renamed[new] = value
    return renamed


def _is_tsn_family(state: dict[str, Tensor]) -> bool:
    return any(key.startswith(("base_model.", "new_fc.")) for key in state)


def _classifier_to_leave(model: VideoModel, state: dict[str, Tensor], target: dict[str, Tensor]) -> tuple[str, ...]:
    """Return the keys of the file's classifier where it differs in its number of classes, and in that only.

    That is so too where an image network's classifier has no counterpart in this one.
    """
    keys = [key for key in model.classifier_keys if key in state]
    if keys and all(
        state[key].shape[1:] == target[key].shape[1:] and state[key].shape[:1] != target[key].shape[:1] for key in keys
    ):
        return tuple(keys)
    foreign = [key for key in ("fc.weight", "fc.bias") if key in state and key not in target]
    return tuple(foreign) if all(state[key].shape[0] == IMAGENET_CLASSES for key in foreign) else ()


def _shorten(items: list[str], most: int = 8) -> str:
    text = ", ".join(items[:most])
    return text if len(items) <= most else f"{text} and {len(items) - most} more"
