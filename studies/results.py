"""The result file of a study: all records, whatever run of the study made them."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from recircle.config import read_json
from recircle.files import atomic_write
from studies.trial import Record, Trial


@dataclass(frozen=True, kw_only=True)
class Results:
    """What a study has found so far.

    Attributes:
        study: its name.
        command: what makes and completes this file.
        records: of the trials that are done, in the order of the study.
    """

    study: str
    command: str
    records: tuple[Record, ...] = ()

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a result file.

        Raises:
            UserError: it is not there, or is not a result file.
        """
        return read_json(cls, path)

    def write(self, path: Path) -> None:
        """Write it so that a killed study leaves a whole file: a line for each record."""
        lines = ",\n".join(json.dumps(_to_dict(record)) for record in self.records)
        head = f'"study": {json.dumps(self.study)},\n"command": {json.dumps(self.command)}'
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(path, f'{{{head},\n"records": [\n{lines}\n]}}\n')

    def adding(self, record: Record, order: Sequence[Trial]) -> "Results":
        """Return these and one more record, in the order of the trials."""
        places = {trial.key: place for place, trial in enumerate(order)}
        kept = [other for other in self.records if other.key != record.key]
        records = sorted([*kept, record], key=lambda one: places.get(one.key, len(places)))
        return Results(study=self.study, command=self.command, records=tuple(records))

    def missing(self, trials: Iterable[Trial]) -> list[Trial]:
        """Return the trials that have no record."""
        done = {record.key for record in self.records}
        return [trial for trial in trials if trial.key not in done]


def _to_dict(record: Record) -> dict[str, Any]:
    """Return a record's fields, without the one that few studies have."""
    found = asdict(record)
    if not record.right_with:
        del found["right_with"]
    return found
