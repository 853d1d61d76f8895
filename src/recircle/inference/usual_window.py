"""How long the clips were that a run was trained on: the window that its network is used to."""

from dataclasses import dataclass

import numpy as np

from recircle.errors import UserError
from recircle.loading.config import DataConfig
from recircle.manifest.manifest import Manifest
from recircle.run import Run

# seconds, as many digits as are worth saying
_DIGITS = 2


@dataclass(frozen=True)
class UsualWindow:
    """The middle length of training clips.

    Attributes:
        seconds: half of the clips are shorter.
        clips: of how many.
    """

    seconds: float
    clips: int


def usual_window(run: Run) -> UsualWindow:
    """Return the median length of the clips that a run was trained on.

    Raises:
        UserError: it is not known: there is no config or no manifest any more, or its clips have no frame rate.
    """
    missing = f"it is not known how long the clips were that {run.path} was trained on"
    try:
        data = run.load_config(DataConfig, "data")
        manifest = Manifest.read(data.manifest)
    except UserError as error:
        raise UserError(f"{missing} ({error}); say how long a window is, --window SECONDS") from None
    whole = [clip for clip in manifest.clips if clip.status == "ok"]
    clips = [clip for clip in whole if clip.split == data.train_split] or whole
    seconds = [clip.frame_times.seconds for clip in clips if clip.frames]
    seconds = [one for one in seconds if one]
    if not seconds:
        raise UserError(f"{missing} ({data.manifest} has no frame rates); say how long a window is, --window SECONDS")
    return UsualWindow(round(float(np.median(seconds)), _DIGITS), len(seconds))
