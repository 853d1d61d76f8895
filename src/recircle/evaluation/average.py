"""Predictions of several runs as those of one, such as the row "8+16" of the paper's Table 1."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from recircle.errors import UserError
from recircle.evaluation.predictions import Predictions


def average_predictions(predictions: Sequence[Path]) -> Predictions:
    """Average the scores that several runs gave the same clips.

    The row "ARC-TSM-ResNet-50, 8+16" of Table 1 is not a training run of its own, but the average of what
    `recircle eval RUN --views 1x1 --name final` left in two runs::

        from pathlib import Path
        from recircle.evaluation.average import average_predictions

        runs = ("something_v1_arc_tsm_resnet50_8f", "something_v1_arc_tsm_resnet50_16f")
        both = average_predictions([Path("runs", run, "predictions", "final.npz") for run in runs])
        both.save(Path("runs/8f_16f.npz"))  # then: recircle eval --from runs/8f_16f.npz

    Expected of it: 55.0 % top-1, 82.6 % top-5; 111 GMACs x 1, 54.0 M parameters. Not reproduced here. As one network
    these two are `recircle.models.ensemble`.

    Args:
        predictions: files of predictions of the same clips, of two runs or more.

    Returns:
        The predictions of all, as views of one clip: their fusion is the mean of the softmax of the runs.

    Raises:
        UserError: a file is missing, or the files are not of the same clips, classes and number of views.
    """
    first, *others = parts = [Predictions.load(path) for path in predictions]
    for path, other in zip(predictions[1:], others):
        same = (first.paths, first.classes, first.logits.shape) == (other.paths, other.classes, other.logits.shape)
        if not same or not np.array_equal(first.labels, other.labels):
            raise UserError(
                f"{path} and {predictions[0]} are not of the same clips, classes and number of views; "
                "write both with the same options of `recircle eval`"
            )
    return replace(
        first,
        logits=np.concatenate([part.logits for part in parts], axis=1),
        provenance=replace(
            first.provenance,
            others=(*first.provenance.others, *(one for part in others for one in part.provenance.networks)),
        ),
        fusion="softmax",
    )
