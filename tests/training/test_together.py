"""What one of several processes does where another cannot go on; the other one is stood for by what it sends."""

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from recircle.errors import UserError
from recircle.training import together as module
from recircle.training.config import TrainConfig
from recircle.training.data import TrainingData
from recircle.training.together import check_same, losses_explained, together

MakeConfig = Callable[..., TrainConfig]
GLOO = "[/gloo/transport/tcp/pair.cc:537] Connection closed by peer [10.0.0.2]:26815. This is typically caused by"


@pytest.fixture
def send(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Make this process the first of two, and return what it has sent; the second one sends what is put here first."""
    sent: list[Any] = []

    def gather(mine: list[Any]) -> list[Any]:
        others = sent[:]
        sent.extend(mine)
        return mine + others

    monkeypatch.setattr(module, "PartialState", lambda: SimpleNamespace(num_processes=2, process_index=0))
    monkeypatch.setattr(module.platform, "node", lambda: "here")
    monkeypatch.setattr(module, "gather_object", gather)
    return sent


def test_a_failure_of_another_process_is_one_of_this_process_too(send: list[Any]) -> None:
    send.append("process 1 on there stopped: no manifest")
    with pytest.raises(UserError, match=r"^process 1 on there stopped: no manifest$"), together():
        pass
    assert send[1] is None


@pytest.mark.parametrize("error", [UserError("no manifest"), ValueError("a defect"), SystemExit(2)])
def test_a_failure_of_this_process_is_told_the_others_and_stays_what_it_is(
    error: BaseException, send: list[Any]
) -> None:
    send.append("process 1 on there stopped: something else")
    with pytest.raises(type(error)) as raised, together():
        raise error
    assert raised.value is error
    assert send[1] == f"process 0 on here stopped: {error}"


def test_where_all_is_well_nothing_happens(send: list[Any]) -> None:
    send.append(None)
    with together():
        pass


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (
            {"seed": 4, "output": "elsewhere"},
            r"there was started with other settings than .* \(seed 0 -> 4\); give",
        ),
        ({"train": 1}, r"the clips of .* on there \(13 to train on, 4 to evaluate on\) are not those that .* \(14 to"),
        ({"val": 1}, r"the clips of .* on there \(14 to train on, 3 to evaluate on\) are not those"),
        ({"resume": True}, "there would go on with the run in .*run, where process 0 on here finds none: give all"),
        ({"version": "0.0.1"}, r"there has recircle 0\.0\.1, and process 0 on here has .*; install the same on both"),
        ({}, None),
    ],
)
def test_processes_that_would_do_something_else_are_refused(
    other: dict[str, Any], words: str | None, make_config: MakeConfig, send: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = make_config()
    data = TrainingData.read(config)
    with monkeypatch.context() as there:
        there.setattr(module, "_here", lambda: "there")
        there.setattr(module, "__version__", other.get("version", module.__version__))
        less = replace(
            data,
            train=replace(data.train, clips=data.train.clips[other.get("train", 0) :]),
            val=replace(data.val, clips=data.val.clips[other.get("val", 0) :]),
        )
        settings = {name: other[name] for name in ("seed", "output") if name in other}
        # it sends this to itself, and is the same
        check_same(replace(config, **settings), less, resume=other.get("resume", False))
    if words is None:
        check_same(config, data, resume=False)
        return
    with pytest.raises(UserError, match=words):
        check_same(config, data, resume=False)


@pytest.mark.parametrize("error", [RuntimeError(GLOO), torch.distributed.DistNetworkError("closed\nat frame 3")])
def test_a_lost_process_is_a_sentence_with_the_way_on(error: RuntimeError, send: list[Any]) -> None:
    words = r"^process 0 on here has lost another process \((Connection closed by peer .*:26815|closed)\): .*; go on$"
    with pytest.raises(UserError, match=words), losses_explained(lambda: "go on"):
        raise error


def test_other_errors_are_not_explained() -> None:
    with pytest.raises(RuntimeError, match=r"^mat1 and mat2$"), losses_explained(lambda: "go on"):
        raise RuntimeError("mat1 and mat2")
