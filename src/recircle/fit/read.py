"""What a finished run leaves, for the advice on it."""

from recircle.errors import UserError
from recircle.evaluation.measure import measure
from recircle.evaluation.predictions import Predictions
from recircle.fit.advice import Found
from recircle.fit.plan import in_pixels, views_of
from recircle.run import Run
from recircle.training.config import TrainConfig
from recircle.training.data import TrainingData
from recircle.training.metrics_log import read_metrics_log


def read_found(run: Run) -> Found:
    """Return what a trained and evaluated run says of itself: its clips, its log and its newest predictions.

    Raises:
        UserError: one of them is missing or damaged.
    """
    config = run.load_config(TrainConfig)
    files = sorted(run.predictions_path.glob("*.npz"), key=lambda file: file.stat().st_mtime_ns)
    if not files:
        raise UserError(f"{run.path} has no predictions; make some with `recircle eval {run.path}`")
    predictions = Predictions.load(files[-1])
    data = TrainingData.read(config)
    view = config.data.preprocessing or run.load_spec().preprocessing
    height, width = view.crop_size
    largest = views_of(data, view)[-1].crop_size
    shrunk = in_pixels(view) if height * width < 0.9 * largest[0] * largest[1] else ""
    return Found(
        clips={label: count for label, count in data.clips_of_classes.items() if count},
        grouped=any(clip.group for clip in data.train.clips),
        journal=read_metrics_log(run.metrics_path),
        predictions=predictions,
        metrics=measure(predictions),
        shrunk=shrunk,
    )
