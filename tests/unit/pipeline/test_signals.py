"""Ctrl-C and SIGTERM ask a run to stop, a second one breaks in."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from ad_stream.pipeline.operation.signals import asked_to_stop


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_a_question_the_second_one_an_interrupt_and_the_handlers_come_back(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with asked_to_stop() as asked:
        assert not asked()
        os.kill(os.getpid(), number)
        assert asked()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)
    assert signal.getsignal(number) is before


def test_in_another_thread_signals_are_left_alone() -> None:
    seen: list[object] = []

    def run() -> None:
        with asked_to_stop() as asked:
            seen.extend([signal.getsignal(signal.SIGINT), asked()])

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert seen == [signal.getsignal(signal.SIGINT), False]
