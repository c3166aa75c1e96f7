"""Items go through supervised workers: nothing is lost, whatever a detector does."""

import io
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from PIL import Image

from detectors.catalog import catalog
from detectors.errors import ConfigError
from detectors.item import Item, Kind
from detectors.signal import Outcome, Reason, Signal, Tier
from provenance.engine.config import RunConfig, configure
from provenance.engine.ordered import records
from provenance.engine.worker import Limits
from provenance.intake import paths
from provenance.record import Record


class Obedient:
    """Does what the item's text says."""

    version = "1"

    def __init__(self, options: Mapping[str, Any]) -> None:
        if options.get("wrong"):
            raise ConfigError("wrong = true: leave it out")

    def inspect(self, item: Item) -> list[Signal]:
        if item.kind is Kind.IMAGE:
            return [signal_of("obedient", str(item.picture.width))]
        word = item.data.decode()
        if word == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if word == "spin":
            while True:
                pass
        if word == "raise":
            raise ValueError("no \ud800 good")
        if word == "nothing":
            return []
        if word == "mistyped":
            return [msgspec.structs.replace(signal_of("obedient", word), facts={"value": 3})]
        if word == "print":
            print("printed", flush=True)  # noqa: T201
            os.write(1, b"written\n")
        if word.startswith("slow"):
            time.sleep(0.05)
        return [signal_of("obedient", word)]


class Second(Obedient):
    """Always has something to say."""

    def inspect(self, item: Item) -> list[Signal]:
        return [signal_of("second", item.uri)]


def signal_of(name: str, word: str) -> Signal:
    return Signal(
        detector=name,
        tier=Tier.METADATA,
        outcome=Outcome.CLEAR,
        reason=Reason("test.said", {"word": word}),
    )


@pytest.fixture
def obedient(chosen: Callable[..., RunConfig]) -> RunConfig:
    return chosen(Obedient, Second)


def given(data: bytes) -> bytes:
    return data


def items(*words: str) -> list[Item]:
    return [Item(word, partial(given, word.encode())) for word in words]


def said(record: Record) -> dict[str, tuple[str, str]]:
    return {s.detector: (s.outcome.value, s.reason.code) for s in record.signals}


def test_records_come_in_the_order_of_the_items(obedient: RunConfig) -> None:
    words = ["slow one", "two", "slow three", "four", "five", "slow six", "seven"]
    got = list(records(items(*words), obedient, 3))
    assert [r.item.uri for r in got] == words


def test_the_number_of_workers_changes_nothing(obedient: RunConfig) -> None:
    words = [f"word {i}" for i in range(9)] + ["die", "raise"]
    one, many = (list(records(items(*words), obedient, jobs)) for jobs in (1, 4))
    assert [(r.item, r.signals, r.verdict) for r in one] == [
        (r.item, r.signals, r.verdict) for r in many
    ]


def test_a_worker_that_dies_costs_one_detector_not_the_item(obedient: RunConfig) -> None:
    got = list(records(items("a", "die", "b"), obedient, 2))
    assert [r.item.uri for r in got] == ["a", "die", "b"]
    assert said(got[1]) == {
        "obedient": ("failed", "engine.crashed"),
        "second": ("clear", "test.said"),
    }
    assert got[1].signals[0].reason.args == {"stage": "obedient", "signal": "SIGKILL"}
    assert not got[1].verdict.complete


@pytest.mark.parametrize("jobs", [1, 3])
def test_of_items_that_travel_together_the_one_that_kills_is_blamed(
    obedient: RunConfig, tmp_path: Path, jobs: int
) -> None:
    words = ["die" if number % 37 == 30 else f"word {number}" for number in range(150)]
    for number, word in enumerate(words):
        (tmp_path / f"{number:03}.txt").write_text(word)
    read, ahead = 0, list[int]()

    def reading() -> Iterator[Item]:
        nonlocal read
        for item in paths.items(str(tmp_path / f"{number:03}.txt") for number in range(150)):
            read += 1
            yield item

    for number, record in enumerate(records(reading(), obedient, jobs)):
        ahead.append(read - number)
        died = words[number] == "die"
        crashed, clear = ("failed", "engine.crashed"), ("clear", "test.said")
        assert said(record) == {"obedient": crashed if died else clear, "second": clear}
        assert record.signals[1].reason.args == {"word": str(tmp_path / f"{number:03}.txt")}
    assert len(ahead) == len(words)
    assert max(ahead) > jobs + 3  # so some did travel together


def test_work_that_never_ends_is_stopped(obedient: RunConfig) -> None:
    (got,) = records(items("spin"), obedient, 1, limits=Limits(detector_seconds=0.3))
    assert said(got)["obedient"] == ("failed", "engine.timeout")
    assert said(got)["second"] == ("clear", "test.said")


def test_a_silent_worker_is_stopped_by_the_clock(obedient: RunConfig) -> None:
    limits = Limits(silent_seconds=0.1, detector_seconds=60)
    (got,) = records(items("spin"), obedient, 1, limits=limits)
    assert said(got)["obedient"] == ("failed", "engine.timeout")


def test_a_picture_that_never_opens_is_closed_for_all(obedient: RunConfig) -> None:
    out = io.BytesIO()
    Image.linear_gradient("L").resize((6000, 6000)).save(out, "PNG", compress_level=1)
    large = Item("large.png", partial(given, out.getvalue()))
    (got,) = records([large], obedient, 1, limits=Limits(opening_seconds=0.02))
    assert said(got)["obedient"] == ("failed", "engine.timeout")
    assert got.signals[0].reason.args["stage"] == "picture"
    assert said(got)["second"] == ("clear", "test.said")


@pytest.mark.parametrize("word", ["raise", "nothing", "mistyped"])
def test_a_detector_that_breaks_gives_a_failed_signal(obedient: RunConfig, word: str) -> None:
    (got,) = records(items(word), obedient, 1)
    assert said(got)["obedient"] == ("failed", "engine.failed")


def test_what_a_detector_prints_never_comes_among_the_records(
    obedient: RunConfig, capfd: pytest.CaptureFixture[str]
) -> None:
    sys.stdout.write("a record, not flushed yet")
    (got,) = records(items("print"), obedient, 1)
    assert said(got)["obedient"] == ("clear", "test.said")
    assert capfd.readouterr() == ("a record, not flushed yet", "printed\nwritten\n")


def test_refused_options_are_told_before_any_record(obedient: RunConfig) -> None:
    wrong = RunConfig(
        specs=obedient.specs,
        options={"obedient": {"wrong": True}},
        policy=obedient.policy,
        today=obedient.today,
    )
    with pytest.raises(ConfigError, match="leave it out"):
        list(records(items("a", "b"), wrong, 2))


def test_an_interrupt_ends_the_run_after_what_is_done(obedient: RunConfig) -> None:
    asked = iter([False, False, False, False, False, False, True])
    got = list(records(items(*"abcdefgh"), obedient, 1, lambda: next(asked, True)))
    assert len(got) < 8


def test_where_a_process_may_not_be_forked_a_server_forks(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text("As an AI language model, I cannot do that.")
    config = configure(catalog(), today="2026-11-24", only=["text_marks"])
    names = [str(tmp_path / "a.txt")] * 3
    one = [record.signals for record in records(paths.items(names), config, 2)]
    monkeypatch.setattr(sys, "platform", "darwin")
    assert [record.signals for record in records(paths.items(names), config, 2)] == one
