"""Does the trials of a study that have no record yet, some at a time."""

import os
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from multiprocessing import get_context, parent_process
from pathlib import Path
from threading import Thread

import torch

from recircle import UserError
from studies.results import Results
from studies.trial import Record, Trial, current_commit, run_trial

Work = Callable[[Trial, Path, str], Record]
"""From what is to be done, the folder for runs and the commit to be noted to what came of it."""


def run_trials(
    trials: Sequence[Trial],
    results: Results,
    path: Path,
    *,
    order: Sequence[Trial],
    runs: Path,
    jobs: int,
    threads: int = 1,
    work: Work = run_trial,
) -> Results:
    """Do what is missing, in order, and write the result file after each trial.

    Args:
        trials: what is wanted of the study.
        results: what is known already.
        path: the result file.
        order: all trials of the study, in the order of the records.
        runs: folder for the runs.
        jobs: trials at a time, each a process of its own.
        threads: of PyTorch in each of these processes; timings hold for this number.
        work: does one; a function of a module, which the processes import.

    Raises:
        UserError: trials failed; those that did not are in the result file.
    """
    todo = results.missing(trials)
    print(f"{len(trials) - len(todo)} of {len(trials)} trials are done", file=sys.stderr)
    if not todo:
        return results
    began, failed = time.monotonic(), []
    commit = current_commit()
    # forking a process that has threads, as every one has that imported torch, can hang
    context = get_context("spawn")
    with ProcessPoolExecutor(jobs, context, initializer=_start, initargs=(threads,)) as pool:
        running: dict[Future[Record], Trial] = {pool.submit(work, trial, runs, commit): trial for trial in todo}
        try:
            while running:
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    trial = running.pop(future)
                    if (error := future.exception()) is not None:
                        failed.append(trial)
                        print(f"{trial.folder} failed: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
                        continue
                    record = future.result()
                    results = results.adding(record, order)
                    results.write(path)
                    _say(record, len(todo) - len(running), len(todo), time.monotonic() - began)
        except KeyboardInterrupt:
            # each process leaves a checkpoint, and the next call goes on from there
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    if failed:
        raise UserError(f"{len(failed)} of {len(todo)} trials failed; the others are in {path}")
    return results


def _start(threads: int) -> None:
    """Prepare a process; it ends with the one that started it, however that ends."""
    torch.set_num_threads(threads)
    parent = parent_process()
    assert parent is not None

    def follow() -> None:
        parent.join()
        os._exit(1)

    Thread(target=follow, daemon=True).start()


def _say(record: Record, done: int, count: int, seconds: float) -> None:
    inside = "" if record.inside is None else f", {record.inside:.1%} inside the family"
    left = (count - done) * seconds / done / 60
    print(
        f"{done}/{count}  {record.system} {record.fold} seed {record.seed}: {record.top1:.1%}{inside}, "
        f"trained in {record.seconds:.0f} s; about {left:.0f} minutes left",
        file=sys.stderr,
        flush=True,
    )
