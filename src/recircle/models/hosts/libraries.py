"""Import the libraries whose networks can be hosts; where one does not load, a sentence says what helps."""

import functools
import importlib
import importlib.util
from types import ModuleType

from recircle.errors import UserError
from recircle.models.hosts.torchvision import import_torchvision


@functools.cache
def import_transformers() -> ModuleType:
    """Return transformers, which says nothing but errors from then on.

    Raises:
        UserError: it is not installed, or does not load.
    """
    # its models import torchvision where that is there
    if importlib.util.find_spec("torchvision") is not None:
        _import("torchvision", "hf", "transformers")
    transformers = _import("transformers", "hf", "transformers")
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    return transformers


@functools.cache
def import_timm() -> ModuleType:
    """Return timm.

    Raises:
        UserError: it is not installed, or does not load.
    """
    _import("torchvision", "timm", "timm")
    return _import("timm", "timm", "timm")


@functools.cache
def import_peft() -> ModuleType:
    """Return peft.

    Raises:
        UserError: it is not installed, or does not load.
    """
    import_transformers()
    return _import("peft", "hf", "peft")


@functools.cache
def import_hub() -> ModuleType:
    """Return huggingface_hub.

    Raises:
        UserError: it is not installed, or does not load.
    """
    return _import("huggingface_hub", "hf", "huggingface_hub")


def _import(module: str, extra: str, package: str) -> ModuleType:
    try:
        return import_torchvision() if module == "torchvision" else importlib.import_module(module)
    except ModuleNotFoundError:
        raise UserError(f'this needs the package {package}: pip install "recircle[{extra}]"') from None
    except (ImportError, RuntimeError, OSError) as problem:
        reason = str(problem).strip().partition("\n")[0]
        raise UserError(
            f"this needs the package {package}, and {module} does not load: {reason}; `recircle doctor` says what helps"
        ) from None
