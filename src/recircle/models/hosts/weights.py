"""What becomes of the weights of a network of another library, and of the classifier among them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from recircle.errors import UserError
from recircle.models.base import VideoModel
from recircle.models.hosts.source import Host
from recircle.models.load_report import LoadReport
from recircle.models.weight_files import first_of, not_finite


@dataclass(frozen=True)
class Classifier:
    """The classifier that comes with weights.

    Attributes:
        linear: itself, or None where the weights have none.
        classes: what its logits stand for, where that is told.
    """

    linear: nn.Linear | None
    classes: tuple[str, ...]


def report_loading(host: Host, net: Any, told: Mapping[str, Collection[Any]]) -> LoadReport:
    """Return what transformers has loaded.

    Args:
        host: whose weights they are.
        net: the classifier of transformers.
        told: its loading info.

    Raises:
        UserError: a part of the trunk is not among the weights, or has another shape there; or they hold infinities.
    """
    trunk = f"{net.base_model_prefix}."
    idle = ".predictor."
    missing = [key for key in told["missing_keys"] if idle not in key]
    mismatched = [
        (str(key[0]), key[1:]) if isinstance(key, tuple) else (str(key), ()) for key in told["mismatched_keys"]
    ]
    faults = [f"{key} is missing" for key in missing if key.startswith(trunk)]
    faults += [
        f"{key} is {' instead of '.join(str(list(shape)) for shape in shapes)}"
        for key, shapes in mismatched
        if key.startswith(trunk)
    ]
    if faults:
        raise UserError(
            f"the weights of {host.name} do not fit: {first_of(faults)}; positions that were learned are for the "
            "frames and the size of its config"
        )
    broken = not_finite(net.state_dict())
    if broken:
        raise UserError(f"the weights of {host.name} hold numbers that are infinite or NaN, in {first_of(broken)}")
    left = tuple(key for key, _ in mismatched)
    return LoadReport(
        path=Path(host.place),
        weights=host.name,
        loaded=len(net.state_dict()) - len(missing) - len(left),
        left_out=left,
        kept=tuple(sorted({*missing, *left})),
        unused=tuple(sorted(str(key) for key in told["unexpected_keys"])),
    )


def adopt_classifier(
    model: VideoModel, classifier: Classifier, labels: Sequence[str], report: LoadReport, *, keep: bool
) -> LoadReport:
    """Give a model the classifier of its weights where its classes are the same, or where that is asked for.

    Args:
        model: with a new classifier of K classes.
        classifier: that of the weights.
        labels: the classes of the clips; none where they are not known.
        report: what was loaded.
        keep: take it whatever its classes are called, in its own order.

    Returns:
        The report, with what became of the classifier.

    Raises:
        UserError: it is asked for, and the weights have none, or one of another number of classes.
    """
    linear, count = classifier.linear, model.num_classes
    report = replace(report, kept=tuple(key for key in report.kept if not key.startswith("classifier.")))
    if keep and (linear is None or linear.out_features != count):
        there = "none" if linear is None else f"one of {linear.out_features} classes"
        raise UserError(f"keep_head: the weights of {model.name} have {there}, and the clips have {count}")
    same = bool(labels) and sorted(labels) == sorted(classifier.classes)
    if linear is None:
        return report
    if not (keep or same):
        left = ("classifier.weight", "classifier.bias")[: 1 + (linear.bias is not None)]
        return replace(report, loaded=report.loaded - len(left), left_out=(*report.left_out, *left))
    rows = list(range(count)) if keep else [classifier.classes.index(label) for label in labels]
    assert isinstance(model.fc, nn.Linear)
    with torch.no_grad():
        model.fc.weight.copy_(linear.weight[rows])
        if linear.bias is not None:
            model.fc.bias.copy_(linear.bias[rows])
    return replace(report, classifier="as asked for" if keep else "its classes are those of the clips")
