"""Signals, sent for real: the first ends a run after what is done, a second one at once."""

import importlib
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from provenance.engine.interrupt import Interrupted, end_at_once, interruptible

NUMBERS = (signal.SIGINT, signal.SIGTERM)


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Let signals be heard, whatever the tests were started with, and put all back."""
    before = [signal.getsignal(number) for number in NUMBERS]
    for number in NUMBERS:
        signal.signal(number, signal.SIG_DFL)
    yield
    for number, handler in zip(NUMBERS, before, strict=True):
        signal.signal(number, handler)


@pytest.fixture
def sends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Give the name of a module that sends a signal while it is loaded."""
    lines = "import os, signal\nos.kill(os.getpid(), signal.SIGTERM)\nwhole = True\n"
    (tmp_path / "sends.py").write_text(lines)
    monkeypatch.syspath_prepend(tmp_path)
    yield "sends"
    sys.modules.pop("sends", None)


@pytest.mark.parametrize("number", NUMBERS)
def test_the_first_is_noticed_and_the_second_ends(number: int) -> None:
    with interruptible() as interruption:
        assert not interruption()
        os.kill(os.getpid(), number)
        assert interruption()
        assert interruption.code == 128 + number
        with pytest.raises(Interrupted):
            os.kill(os.getpid(), number)
    assert signal.getsignal(number) is signal.SIG_DFL


def test_waiting_for_the_next_thing_ends_at_once() -> None:
    def things() -> Iterator[str]:
        yield "first"
        os.kill(os.getpid(), signal.SIGINT)
        raise AssertionError("went on after the signal")

    with interruptible() as interruption:
        assert list(interruption.ending(things())) == ["first"]
        assert interruption.code == 130


def test_a_signal_between_two_things_keeps_the_first() -> None:
    taken = []
    with interruptible() as interruption:
        for thing in interruption.ending("abc"):
            os.kill(os.getpid(), signal.SIGTERM)
            taken.append(thing)
        assert interruption.code == 143
    assert taken == ["a"]


def test_outside_of_a_run_they_end_at_once() -> None:
    end_at_once()
    with pytest.raises(Interrupted) as caught:
        os.kill(os.getpid(), signal.SIGTERM)
    assert caught.value.code == 143


def test_during_an_import_they_wait_for_its_end(sends: str) -> None:
    def load() -> None:
        importlib.import_module(sends)
        time.sleep(60)  # is broken off

    end_at_once()
    with pytest.raises(Interrupted) as caught:
        load()
    assert caught.value.code == 143
    assert sys.modules[sends].whole


def test_one_that_waited_for_an_import_is_not_a_second_one(sends: str) -> None:
    taken = []
    with interruptible() as interruption:
        for thing in interruption.ending(map(importlib.import_module, [sends])):
            while not interruption():
                time.sleep(0.01)
            time.sleep(0.1)  # is not broken off
            taken.append(thing.whole)
        assert interruption.code == 143
    assert taken == [True]


def test_a_signal_that_is_ignored_stays_ignored() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_at_once()
    with interruptible() as interruption:
        os.kill(os.getpid(), signal.SIGINT)
        assert not interruption()
