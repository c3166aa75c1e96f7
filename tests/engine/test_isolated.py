"""Foreign files are read in a process that a file can stop, and the command goes on."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from detectors.errors import ConfigError, DamagedError
from provenance.engine import isolated as module
from provenance.engine.isolated import isolated, streamed


def numbers(count: int) -> Iterator[int]:
    yield from range(count)


def refused() -> Iterator[int]:
    yield 1
    raise ConfigError("feed.csv:2: no such column")


def damaged() -> None:
    raise DamagedError("fakes.bank/log.jsonl:2: damaged", "restore the bank from a copy")


def killed(by: int) -> None:
    os.kill(os.getpid(), by)


def spinning() -> None:
    while True:
        pass


def test_values_come_in_order_and_as_they_are() -> None:
    assert list(streamed("feed", numbers, 1000)) == list(range(1000))
    assert isolated("feed", sorted, "cab", reverse=True) == ["c", "b", "a"]


def test_values_come_before_the_last_is_read() -> None:
    values = streamed("feed", numbers, 10**9)
    assert [next(values), next(values)] == [0, 1]
    values.close()  # type: ignore[attr-defined] - a generator


def test_what_the_reader_refuses_is_said_as_it_is() -> None:
    values = streamed("feed", refused)
    assert next(values) == 1
    with pytest.raises(ConfigError, match=r"^feed\.csv:2: no such column$"):
        next(values)


def test_an_error_crosses_the_border_whole() -> None:
    with pytest.raises(DamagedError, match=r":2: damaged; restore the bank from a copy$") as told:
        isolated("bank", damaged)
    assert told.value.hint == "restore the bank from a copy"


def test_any_other_error_is_a_sentence() -> None:
    with pytest.raises(ConfigError, match=r"^feed: cannot be read \(ValueError: "):
        isolated("feed", int, "x")


HUNGRY = """
import os, signal
from detectors.errors import ConfigError
from provenance.engine.isolated import isolated
from provenance.engine.limits import ROOM

def hungry():
    return b"".join(bytes(2**24) for _ in range(2 * ROOM // 2**24))

def aborted_while_large():
    held = b"x" * (ROOM // 2)
    os.kill(os.getpid(), signal.SIGKILL if held else 0)

for read in (hungry, aborted_while_large):
    try:
        isolated("feed", read)
    except ConfigError as error:
        print(error)
"""
"""In a process of its own: that of the tests may hold more than what is read here."""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits are Linux's")
def test_memory_ends_in_a_sentence() -> None:
    done = subprocess.run(
        [sys.executable, "-c", HUNGRY], capture_output=True, text=True, check=True
    )
    said = done.stdout.splitlines()
    assert len(said) == 2
    assert all(line.startswith("feed: reading it would take more than 1.5 GiB") for line in said)


def test_an_early_death_is_no_lack_of_memory() -> None:
    with pytest.raises(ConfigError, match=r"^feed: the process that read it ended \(SIGKILL\)$"):
        isolated("feed", killed, signal.SIGKILL)


def test_time_ends_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CPU_SECONDS", 0.2)
    with pytest.raises(ConfigError, match=r"^feed: reading it was stopped after 0\.2 seconds$"):
        isolated("feed", spinning)
    monkeypatch.setattr(module, "CLOCK_SECONDS", 0.1)
    with pytest.raises(ConfigError, match=r"^feed: reading it was stopped after 0\.1 seconds$"):
        isolated("feed", time.sleep, 60)
