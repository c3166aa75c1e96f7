"""Public messages in pixels and labels, as their programs write them, and pictures without any."""

import io
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from detectors.decode.opencv import cv2
from detectors.item import Item
from detectors.signal import Claim, Outcome
from detectors.watermarks import labels, lattice
from detectors.watermarks.detector import Watermarks
from detectors.watermarks.table import Message, marks

Pixels = NDArray[np.uint8]
Run = Callable[..., Any]
MESSAGES = {message.name: message for message in marks().message}


def photograph(side: int = 384, seed: int = 1) -> Pixels:
    """Return something with the texture of a photograph."""
    rng = np.random.default_rng(seed)
    noise = Image.fromarray(rng.integers(0, 256, (side, side, 3), np.uint8))
    smooth = np.asarray(noise.filter(ImageFilter.GaussianBlur(8)), np.float64)
    rough = np.asarray(noise.filter(ImageFilter.GaussianBlur(1)), np.float64)
    mixed = 128 + 6 * (smooth - 128) + 0.5 * (rough - 128)
    return np.clip(mixed, 0, 255).astype(np.uint8)


def embedded(rgb: Pixels, bits: list[int], kind: str) -> Pixels:
    """Return a picture with a message, put there as invisible-watermark 0.2.0 does."""
    bgr = np.ascontiguousarray(rgb[..., ::-1])
    yuv = cv2.cvtColor(bgr if kind == "bytes" else bgr.astype(np.float32), cv2.COLOR_BGR2YUV)
    plane = yuv[..., 1].astype(np.float64)
    height, width = (side // 4 * 4 for side in plane.shape)
    quads = [plane[y:height:2, x:width:2] for y in (0, 1) for x in (0, 1)]
    low = sum(quads) / 2
    before, number = low.copy(), 0
    for y in range(low.shape[0] // 4):
        for x in range(low.shape[1] // 4):
            block = low[4 * y : 4 * y + 4, 4 * x : 4 * x + 4]
            at = np.unravel_index(np.abs(block.ravel()[1:]).argmax() + 1, (4, 4))
            value = abs(block[at]) // 36 + 0.25 + 0.5 * bits[number % len(bits)]
            block[at] = np.copysign(value * 36, block[at])
            number += 1
    for quad in quads:
        quad[...] = quad + (low - before) / 2
    yuv[..., 1] = plane if kind == "float" else np.clip(np.rint(plane), 0, 255)
    back = cv2.cvtColor(yuv, cv2.COLOR_YUV2BGR)
    return np.clip(np.rint(back), 0, 255).astype(np.uint8)[..., ::-1]


def bits_of(message: Message) -> list[int]:
    return [int(sign > 0) for sign in message.signs]


@pytest.mark.parametrize("name", MESSAGES)
def test_each_message_is_found_by_its_name(name: str) -> None:
    message = MESSAGES[name]
    rgb = embedded(photograph(512), bits_of(message), message.input)
    found = lattice.found(rgb, marks().message, moved=False)
    assert found is not None
    assert (found.message.name, found.p_value <= lattice.GATE) == (name, True)
    assert found.matching_bits >= 0.85 * len(message.signs)


@pytest.mark.parametrize(
    "name", [name for name, message in MESSAGES.items() if message.moved and name != "invokeai"]
)
def test_a_cut_picture_still_tells_its_message(name: str) -> None:
    message = MESSAGES[name]
    rgb = embedded(photograph(512), bits_of(message), message.input)[13:, 29:]
    assert lattice.found(rgb, marks().message, moved=False) is None
    found = lattice.found(rgb, marks().message, moved=True)
    assert found is not None
    assert found.message.name == name


@settings(max_examples=15)
@given(st.lists(st.integers(0, 1), min_size=48, max_size=48), st.sampled_from(["bytes", "float"]))
def test_a_message_that_nobody_registered_is_no_finding(bits: list[int], kind: str) -> None:
    rgb = embedded(photograph(288), bits, kind)
    assert lattice.found(rgb, marks().message, moved=False) is None


@pytest.mark.parametrize(
    "picture",
    [
        photograph(),
        np.full((384, 384, 3), 200, np.uint8),
        np.broadcast_to((np.arange(384) // 8 % 2 * 255).astype(np.uint8)[:, None], (384, 384, 3)),
        np.linspace(0, 255, 384 * 384 * 3).reshape(384, 384, 3).astype(np.uint8),
    ],
    ids=["texture", "one colour", "stripes of 8", "gradient"],
)  # fmt: skip
def test_pictures_without_a_mark_are_clear(picture: Pixels) -> None:
    assert lattice.found(picture, marks().message, moved=True) is None
    assert list(labels.found(picture.astype(np.float32).mean(axis=2))) == []


def pasted(rgb: Pixels, name: str, box: tuple[int, int, int, int]) -> Pixels:
    left, top, wide, tall = box
    opacity = labels.scaled(name, wide, tall)[..., None]
    made = rgb.astype(np.float32)
    part = made[top : top + tall, left : left + wide]
    made[top : top + tall, left : left + wide] = part * (1 - opacity) + 255 * opacity
    return made.astype(np.uint8)


@pytest.mark.parametrize(
    ("scheme", "name", "box"),
    [
        ("gemini-sparkle", "sparkle.png", (640 - 32 - 48, 640 - 32 - 48, 48, 48)),
        ("gemini-sparkle", "sparkle.png", (640 - 64 - 96, 640 - 64 - 96, 96, 96)),
        ("doubao-label", "doubao.png", (640 - 11 - 101, 640 - 13 - 22, 101, 22)),
    ],
)
def test_a_label_is_found_at_its_place_and_nowhere_else(
    scheme: str, name: str, box: tuple[int, int, int, int]
) -> None:
    rgb = photograph(640, seed=3)
    (found,) = labels.found(pasted(rgb, name, box).astype(np.float32).mean(axis=2))
    assert found.scheme == scheme
    moved = (box[0] - 150, box[1] - 150, *box[2:])
    assert list(labels.found(pasted(rgb, name, moved).astype(np.float32).mean(axis=2))) == []


def item(rgb: Pixels, form: str, **how: Any) -> Item:
    out = io.BytesIO()
    Image.fromarray(rgb).save(out, form, **how)
    return Item(f"a.{form}", partial(bytes, out.getvalue()))


def test_what_keeps_no_mark_is_not_assessed_or_silent() -> None:
    detector = Watermarks({})
    (small,) = detector.inspect(item(photograph(64), "PNG"))
    assert (small.outcome, small.reason.code) == (Outcome.NOT_ASSESSED, "watermarks.small")
    marked = embedded(photograph(512), bits_of(MESSAGES["sdxl"]), "float")
    (found,) = detector.inspect(item(marked, "JPEG", quality=96, subsampling=0))
    assert (found.claim, found.facts["message"]) == (Claim.AI_GENERATED, "sdxl")
    (lost,) = detector.inspect(item(marked, "JPEG", quality=60))
    assert (lost.outcome, lost.claim) == (Outcome.CLEAR, None)
    assert "SynthID" in lost.facts["not_read"]


def test_the_quick_path_does_not_search_a_cut_picture() -> None:
    cut = embedded(photograph(512), bits_of(MESSAGES["flux"]), "float")[5:, 3:]
    (quick,) = Watermarks({"fast": True}).inspect(item(cut, "PNG"))
    (whole,) = Watermarks({"fast": False}).inspect(item(cut, "PNG"))
    assert (quick.outcome, whole.outcome) == (Outcome.CLEAR, Outcome.FINDING)


def test_a_mark_asks_for_a_look_and_no_more(run: Run, tmp_path: Path) -> None:
    marked = embedded(photograph(512), bits_of(MESSAGES["sdxl"]), "float")
    Image.fromarray(marked).save(tmp_path / "a.png")
    done = run("check", tmp_path / "a.png", "--only", "watermarks", "--format", "json")
    verdict = json.loads(done.stdout)[0]["verdict"]
    assert (verdict["risk"], verdict["origin"]) == ("review", "ai_generated")
    said = run("check", tmp_path / "a.png", "--only", "watermarks").stdout
    assert "A generator's mark lies in the pixels; anyone can put one there." in said
