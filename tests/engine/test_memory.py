"""A worker has a limit on its memory; what does not fit is said as that, and as nothing else."""

import importlib.util
import io
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from detectors.catalog import catalog
from detectors.decode.memory import loading
from detectors.item import Item, Kind
from detectors.signal import Outcome, Reason, Signal, Tier
from provenance.engine import limits
from provenance.engine.config import RunConfig, configure
from provenance.engine.ordered import records
from provenance.intake import files
from provenance.record import Record

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits are Linux's")
HERE = Path(__file__)
MIB = 2**20
KEPT: list[Any] = []


class Eater:
    """Takes the memory that an item's text says."""

    version = "1"

    def __init__(self, _options: Mapping[str, Any]) -> None:
        pass

    def inspect(self, item: Item) -> list[Signal]:
        if item.kind is Kind.IMAGE:
            return [said("eater", str(item.picture.rgb.shape))]
        how, _, mebibytes = item.data.decode().partition(" ")
        taken = (np.ones if how == "abort" else np.empty)(int(mebibytes) * MIB, np.uint8)
        if how == "keep":
            KEPT.append(taken)
        if how == "load":
            with loading():
                KEPT.append(np.empty(2 * limits.ROOM, np.uint8))
            np.empty(limits.ROOM // 2, np.uint8)
        if how == "abort":
            os.kill(os.getpid(), signal.SIGKILL)
        return [said("eater", how)]


class Other:
    """Looks at everything."""

    version = "1"

    def __init__(self, _options: Mapping[str, Any]) -> None:
        pass

    def inspect(self, _item: Item) -> list[Signal]:
        return [said("other", "looked")]


def said(name: str, word: str) -> Signal:
    return Signal(
        detector=name, tier=Tier.METADATA, outcome=Outcome.CLEAR, reason=Reason(f"test.{word}")
    )


@pytest.fixture
def eating(chosen: Callable[..., RunConfig]) -> RunConfig:
    return chosen(Eater, Other)


def given(data: bytes) -> bytes:
    return data


def items(*texts: str) -> list[Item]:
    return [Item(text, partial(given, text.encode()), kind=Kind.TEXT) for text in texts]


def codes(record: Record) -> dict[str, str]:
    return {signal.detector: signal.reason.code for signal in record.signals}


LOST = {"eater": "engine.memory", "other": "test.looked"}


def test_a_detector_that_takes_too_much_fails_and_the_others_look(
    eating: RunConfig, capfd: pytest.CaptureFixture[str]
) -> None:
    small, large = records(items("take 600", "take 1700"), eating, 1)
    assert codes(small) == {"eater": "test.take", "other": "test.looked"}
    assert codes(large) == LOST
    assert large.signals[0].outcome is Outcome.FAILED
    assert capfd.readouterr() == ("", "")


def test_native_code_that_dies_near_the_limit_died_of_it(eating: RunConfig) -> None:
    early, late = records(items("abort 1", "abort 700"), eating, 1)
    assert codes(early)["eater"] == "engine.crashed"
    assert codes(late) == LOST


def test_what_an_earlier_item_left_behind_costs_no_later_one(eating: RunConfig) -> None:
    one = list(records(items("keep 900", "take 900", "keep 900", "abort 900"), eating, 1))
    assert [codes(record)["eater"] for record in one] == [
        "test.keep", "test.take", "test.keep", "engine.memory",
    ]  # fmt: skip


def test_a_model_that_is_loaded_takes_nothing_of_the_room(eating: RunConfig) -> None:
    (record,) = records(items("load 1"), eating, 1)
    assert codes(record)["eater"] == "test.load"


def test_cuda_knows_no_limit(eating: RunConfig) -> None:
    cuda = RunConfig(
        specs=eating.specs,
        options={"image_model": {"device": "cuda"}},
        policy=eating.policy,
        today=eating.today,
    )
    (record,) = records(items("take 1700"), cuda, 1)
    assert codes(record)["eater"] == "test.take"


def picture(form: str, **options: Any) -> Item:
    out = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").resize((4000, 3900)).save(out, form, **options)
    return Item(f"a.{form}", partial(given, out.getvalue()))


PICTURES = [
    ("JPEG", {"progressive": True, "subsampling": 0}),
    ("PNG", {"compress_level": 1}),
    ("TIFF", {"compression": "tiff_lzw"}),
    ("WEBP", {"lossless": True, "method": 0, "quality": 0}),
    ("AVIF", {"speed": 10}),
]


@pytest.mark.parametrize(("form", "options"), PICTURES, ids=[form for form, _ in PICTURES])
def test_a_sound_picture_for_which_memory_is_wanting_is_not_called_damaged(
    eating: RunConfig, monkeypatch: pytest.MonkeyPatch, form: str, options: dict[str, Any]
) -> None:
    monkeypatch.setattr(limits, "ROOM", 48 * MIB)
    (record,) = records([picture(form, **options)], eating, 1)
    assert codes(record) == LOST
    monkeypatch.setattr(limits, "ROOM", 1536 * MIB)
    (record,) = records([picture(form, **options)], eating, 1)
    assert codes(record)["eater"] == "test.(3900, 4000, 3)"


def test_a_broken_picture_stays_broken(eating: RunConfig) -> None:
    whole = picture("WEBP", lossless=True, method=0, quality=0).data
    (record,) = records([Item("a.webp", partial(given, whole[:-500]))], eating, 1)
    assert codes(record)["eater"] == "picture.broken"


def test_xml_for_which_memory_is_wanting_is_not_called_malformed() -> None:
    code = (
        "from detectors.decode.containers import rdf; from detectors.errors import ConfigError\n"
        "from provenance.engine import limits; from provenance.engine.isolated import isolated\n"
        f"""packet = b'<x:xmpmeta xmlns:x="adobe:ns:meta/" a="' + b"A" * {4 * MIB} + b'"/>'\n"""
        "print(isolated('packet', rdf.properties, packet).whole)\n"
        f"limits.ROOM = {4 * MIB}\n"
        "try: isolated('packet', rdf.properties, packet)\n"
        "except ConfigError as error: print(error)"
    )  # a fresh process: one that ran other tests has memory left over
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    whole, refused = done.stdout.splitlines()
    assert whole == "True"
    assert "of memory" in refused


LARGEST = (
    "progressive.jpg", "rgba16.png", "palette.gif", "rgb.bmp", "cmyk.tiff", "lossless.webp",
    "rgba.avif", "rgb.heic",
)  # fmt: skip
"""Of benchmarks/memory.py, which knows more of each format: those that take most memory."""
KEPT_HERE = HERE.parent / "large"
"""Two of them, as that makes them: they are small, and take seconds to make."""


def test_the_largest_admitted_pictures_pass_every_detector(tmp_path: Path) -> None:
    source = HERE.parents[2] / "benchmarks" / "memory.py"
    spec = importlib.util.spec_from_file_location("memory_of_pictures", source)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    for name in LARGEST:
        kept = KEPT_HERE / name
        (tmp_path / name).write_bytes(kept.read_bytes() if kept.exists() else made.PICTURES[name]())
    found = [files.item(str(tmp_path / name), follow=True) for name in LARGEST]
    choice = configure(catalog(), today="2026-11-29")
    for record in records(found, choice, 1):
        faults = {s.reason.code for s in record.signals if s.outcome is Outcome.FAILED}
        assert faults == set(), record.item.uri
        assert record.item.facts["width"] * record.item.facts["height"] > 59_000_000
