"""The temperature that an evaluation left in a run."""

import warnings

from recircle.errors import UserError
from recircle.evaluation.calibration import Calibration
from recircle.evaluation.provenance import Provenance, differing
from recircle.run import Run


def temperature_of(run: Run, used: Provenance) -> float:
    """Return what logits of the run are divided by; a warning says if it was fitted for another protocol than `used`.

    Raises:
        UserError: none was fitted.
    """
    if not run.calibration_path.is_file():
        raise UserError(f"{run.path} has no temperature; fit one with `recircle eval RUN --calibrate`")
    calibration = Calibration.load(run.calibration_path)
    if differs := differing(calibration.provenance, used):
        warnings.warn(
            f"the temperature was fitted for {calibration.protocol}, not for {used.protocol_words}, which "
            f"differs in {', '.join(differs)}",
            stacklevel=3,
        )
    return calibration.temperature
