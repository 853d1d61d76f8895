"""Requests that nobody will answer any more get an answer, and none stays in the table for good."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("litserve", reason="the extra serve is not installed")

from fastapi import HTTPException
from litserve.utils import LitAPIStatus, ResponseBufferItem
from starlette.applications import Starlette

from recircle.serving.losses import Losses


@pytest.fixture
def server() -> Any:
    def item(worker: int | None) -> ResponseBufferItem:
        return ResponseBufferItem(asyncio.Event(), worker_id=worker)

    return SimpleNamespace(response_buffer={"waits": item(None), "first": item(0), "second": item(1)})


def test_only_what_the_lost_worker_had_is_answered(server: Any, caplog: pytest.LogCaptureFixture) -> None:
    Losses(Starlette(), server=server).answer_lost({1})
    answered = {name: item.response for name, item in server.response_buffer.items() if item.event.is_set()}
    assert list(answered) == ["second"]
    error, status = answered["second"]
    assert status == LitAPIStatus.ERROR
    assert isinstance(error, HTTPException)
    assert error.status_code == 503
    assert "a worker was lost with 1 requests" in caplog.text
    Losses(Starlette(), server=server).answer_lost({1})
    assert len(caplog.records) == 1


def test_what_was_answered_to_nobody_is_forgotten_at_the_second_look(server: Any) -> None:
    losses = Losses(Starlette(), server=server)
    server.response_buffer["first"].event.set()
    losses.forget()
    assert "first" in server.response_buffer, "its request may be about to take it"
    losses.forget()
    losses.forget()
    assert set(server.response_buffer) == {"waits", "second"}
