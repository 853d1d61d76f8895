import os
import signal
import threading

import pytest

from recircle.training.interrupt import StopRequest


def press() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_the_first_is_noted_and_the_second_raises() -> None:
    before = signal.getsignal(signal.SIGINT)
    with StopRequest() as stop:
        assert not stop.requested
        press()
        assert stop.requested
        with pytest.raises(KeyboardInterrupt):
            press()
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize("name", ["SIGTERM", "SIGUSR1"])
def test_signals_of_a_scheduler_may_come_more_than_once(name: str) -> None:
    number = getattr(signal, name)
    before = signal.getsignal(number)
    with StopRequest() as stop:
        for _ in range(3):
            os.kill(os.getpid(), number)
        assert stop.requested
        with pytest.raises(KeyboardInterrupt), stop.interruptible():
            os.kill(os.getpid(), number)
        with pytest.raises(KeyboardInterrupt):
            press()
    assert signal.getsignal(number) is before


def test_it_raises_at_once_where_nothing_can_be_left_half_done() -> None:
    with StopRequest() as stop:
        with pytest.raises(KeyboardInterrupt), stop.interruptible():
            press()
        assert stop.requested


def test_other_threads_leave_signals_alone() -> None:
    errors: list[BaseException] = []

    def work() -> None:
        try:
            with StopRequest():
                pass
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert not errors
