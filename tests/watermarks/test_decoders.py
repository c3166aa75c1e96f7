"""A user's decoder reads bits, is silent until measured, and tells what a credential names."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import onnx
import pytest
import signed
from authority import Authority
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from detectors.errors import ConfigError
from detectors.item import Item
from detectors.watermarks.decoders.codewords import BITS, SCHEMAS, decoded, encoded
from detectors.watermarks.decoders.measure import calibrate
from detectors.watermarks.detector import Watermarks

Run = Callable[..., Any]
SIDE, CELL = 10, 28
ALGORITHM = "com.example.cells"
WORD = "1*" + "0110" * 15 + "1"
READ = (
    "011001100110011001100110011001100110011001100110"
    "011001100110110001000101000110101101010011010110"
)
"""The bits of WORD, by adobe/trustmark's own encoder."""


def cells(bits: str) -> Image.Image:
    """Return a picture of 10 x 10 cells, bright red where a bit is 1."""
    red = np.array([200 if bit == "1" else 40 for bit in bits], np.uint8).reshape(SIDE, SIDE)
    rgb = np.dstack([red, np.full_like(red, 90), 255 - red // 2])
    return Image.fromarray(rgb.repeat(CELL, 0).repeat(CELL, 1))


def random_bits(seed: int) -> str:
    return "".join(map(str, np.random.default_rng(seed).integers(0, 2, BITS)))


@pytest.fixture
def decoder(tmp_path: Path) -> Path:
    """An ONNX file that reads the cells, and what stands beside it."""
    (tmp_path / "decoder").mkdir()
    return decoder_in(tmp_path / "decoder", code="trustmark")


def decoder_in(folder: Path, **said: Any) -> Path:
    picked = numpy_helper.from_array(np.array([0], np.int64), "red")
    shape = numpy_helper.from_array(np.array([1, BITS], np.int64), "shape")
    nodes = [
        helper.make_node("Gather", ["x", "red"], ["one"], axis=1),
        helper.make_node("Reshape", ["one", "shape"], ["bits"]),
    ]
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, form)
        for name, form in (("x", [1, 3, SIDE, SIDE]), ("bits", [1, BITS]))
    ]
    graph = helper.make_graph(nodes, "cells", ends[:1], ends[1:], [picked, shape])
    file = folder / "cells.onnx"
    opset = helper.make_opsetid("", 18)
    onnx.save_model(helper.make_model(graph, opset_imports=[opset], ir_version=9), file)
    how = {
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(), "input": "x", "output": "bits",
        "algorithm": ALGORITHM, "size": SIDE, "resize": None, "interpolation": "bilinear",
        "mean": [0.5] * 3, "std": [0.5] * 3,
    }  # fmt: skip
    file.with_suffix(".json").write_text(json.dumps(how | said))
    return file


def measured(decoder: Path, *, schema: str = "1111") -> Path:
    """Return the decoder after 12 pictures without a mark, whose words would be of a schema."""
    folder = decoder.parent.parent / "pictures"
    for seed in range(12):
        file = folder / "real" / f"{seed}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        cells(random_bits(seed)[:-4] + schema).save(file)
    assert calibrate(folder, decoder, (), lambda _line: None, 4) == []
    return decoder


def look(decoder: Path, file: Path) -> dict[str, Any]:
    """Return what the decoder says of a file, as a record has it."""
    detector = Watermarks({"model": str(decoder)})
    signal = detector.inspect(Item(file.name, file.read_bytes))[-1]
    said: dict[str, Any] = msgspec.to_builtins(signal)
    return said


def saved(folder: Path, bits: str) -> Path:
    cells(bits).save(folder / "a.png")
    return folder / "a.png"


def bound(folder: Path, pixels: str, value: str, **block: Any) -> Path:
    """Return a picture whose credential names an identifier."""
    cells(pixels).save(folder / "plain.png")
    row = {"scope": {}, "value": value} | block
    soft = {"label": "c2pa.soft-binding", "data": {"alg": ALGORITHM, "blocks": [row]}}
    manifest = signed.Manifest(signed.DRAWN, assertions=[soft])
    data = (folder / "plain.png").read_bytes()
    (folder / "bound.png").write_bytes(manifest.sign(Authority("Test").signer(), data, "image/png"))
    return folder / "bound.png"


def test_what_nobody_measured_says_nothing(decoder: Path, tmp_path: Path) -> None:
    bits = random_bits(1)
    said = look(decoder, saved(tmp_path, bits))
    assert (said["outcome"], said["reason"]["code"]) == ("not_assessed", "watermarks.unmeasured")
    assert said["facts"]["read"] == bits


def test_a_word_is_read_with_its_errors_corrected_and_claims_nothing(
    run: Run, decoder: Path, tmp_path: Path
) -> None:
    bits = "".join(str(int(bit) ^ (at in (3, 50, 90))) for at, bit in enumerate(READ)) + "0001"
    only = ("--only", "watermarks", "--model", f"watermarks={measured(decoder)}")
    (record,) = json.loads(run("check", saved(tmp_path, bits), *only, "--format", "json").stdout)
    said, verdict = record["signals"][-1], record["verdict"]
    assert (said["outcome"], said["claim"]) == ("finding", None)
    assert (said["facts"]["identifier"], said["facts"]["corrected_bits"]) == (WORD, 3)
    assert (said["facts"]["unmarked"], verdict["risk"]) == (12, "inconclusive")
    other = look(decoder, saved(tmp_path, random_bits(99)[:-4] + "0001"))
    assert (other["outcome"], other["reason"]["code"]) == ("clear", "watermarks.no_word")


def test_pixels_are_compared_with_what_the_credential_names(
    run: Run, decoder: Path, tmp_path: Path
) -> None:
    measured(decoder)
    wrong = "".join(str(int(bit) ^ (at % 12 == 0)) for at, bit in enumerate(READ))  # 8 of 96
    said = look(decoder, bound(tmp_path, wrong + "0001", WORD))
    assert (said["outcome"], said["claim"], said["reason"]["code"]) == (
        "finding", None, "watermarks.held",
    )  # fmt: skip
    facts = said["facts"]
    assert (facts["named"], facts["matching_bits"], facts["bits"]) == (WORD, 88, 96)
    assert (facts["as_near"], facts["p_value"] < 1e-6) == (0, True)
    said = look(decoder, bound(tmp_path, random_bits(7), WORD))
    assert (said["outcome"], said["reason"]["code"]) == ("clear", "watermarks.not_held")
    shown = run("check", tmp_path / "bound.png", "-v", "--model", f"watermarks={decoder}").stdout
    assert "do not hold the identifier that the credential names" in " ".join(shown.split())


@pytest.mark.parametrize("value", ["1*0", "", "x" * 400, "1*" + "2" * 61, "0110"])
def test_what_is_no_identifier_is_not_compared(decoder: Path, tmp_path: Path, value: str) -> None:
    said = look(measured(decoder), bound(tmp_path, random_bits(7)[:-4] + "1111", value))
    assert said["reason"]["code"] == "watermarks.no_word"


def test_a_part_of_the_picture_is_not_compared(decoder: Path, tmp_path: Path) -> None:
    part = {"scope": {"timespan": {"start": 0, "end": 9}}}
    file = bound(tmp_path, random_bits(7)[:-4] + "1111", WORD, **part)
    assert look(measured(decoder), file)["reason"]["code"] == "watermarks.no_word"


def test_a_decoder_of_one_mark_tells_whether_it_is_there(tmp_path: Path) -> None:
    message = random_bits(5)
    (tmp_path / "one").mkdir()
    decoder = measured(decoder_in(tmp_path / "one", message=message))
    there, gone = (look(decoder, saved(tmp_path, bits)) for bits in (message, random_bits(6)))
    assert (there["reason"]["code"], there["claim"]) == ("watermarks.held", None)
    assert gone["reason"]["code"] == "watermarks.not_held"


def test_bits_without_code_or_name_are_not_assessed(tmp_path: Path) -> None:
    (tmp_path / "bare").mkdir()
    decoder = measured(decoder_in(tmp_path / "bare"))
    said = look(decoder, saved(tmp_path, random_bits(6)))
    assert (said["outcome"], said["reason"]["code"]) == ("not_assessed", "watermarks.none_named")


def test_words_that_unmarked_pictures_give_too_are_not_believed(
    decoder: Path, tmp_path: Path
) -> None:
    false = decoder.parent.parent / "pictures" / "real" / "false.png"
    false.parent.mkdir(parents=True)
    cells(READ + "0001").save(false)
    other = encoded("1*" + "10" * 30 + "1")
    said = look(measured(decoder), saved(tmp_path, f"{other}0001"))
    assert (said["outcome"], said["reason"]["code"]) == ("not_assessed", "watermarks.false_words")
    assert said["reason"]["args"]["false"] == 1


def test_another_decoder_than_the_one_measured_fails(decoder: Path, tmp_path: Path) -> None:
    beside = measured(decoder).with_suffix(".json")
    file, whole = saved(tmp_path, random_bits(1)), json.loads(beside.read_text())
    beside.write_text(json.dumps(whole | {"std": [0.25] * 3}))
    said = look(decoder, file)
    assert (said["outcome"], said["reason"]["code"]) == ("failed", "watermarks.other_settings")
    (decoder.parent / "provenance.json").unlink()
    beside.write_text(json.dumps(whole | {"sha256": "0" * 64}))
    assert look(decoder, file)["reason"]["code"] == "watermarks.unusable"
    beside.write_text(json.dumps(whole | {"output": "none"}))
    assert look(decoder, file)["outcome"] == "failed"


@pytest.mark.parametrize("said", [{"message": "01x"}, {"code": "crc"}, {"algorithm": None}])
def test_a_file_that_does_not_say_how_is_refused(
    run: Run, decoder: Path, tmp_path: Path, said: dict[str, Any]
) -> None:
    beside = decoder.with_suffix(".json")
    beside.write_text(json.dumps(json.loads(beside.read_text()) | said))
    file = saved(tmp_path, random_bits(1))
    done = run("check", file, "--model", f"watermarks={decoder}")
    assert (done.returncode, done.stdout) == (2, "")
    assert "cells.json" in done.stderr


def test_too_few_pictures_are_refused_and_nothing_is_written(run: Run, decoder: Path) -> None:
    measured(decoder)
    (decoder.parent / "provenance.json").unlink()
    data = ("--data", decoder.parent.parent / "pictures", "--model", decoder.parent)
    done = run("calibrate", "watermarks", *data)
    assert (done.returncode, done.stdout) == (2, "")
    assert "needs 30 independent items" in done.stderr
    assert not (decoder.parent / "provenance.json").exists()
    done = run("calibrate", "watermarks", *data, "--threshold", "4")
    assert (done.returncode, "12 pictures without a mark, a word read in 0" in done.stderr) == (
        0, True,
    )  # fmt: skip
    with pytest.raises(ConfigError, match="one ONNX file is wanted"):
        calibrate(data[1], decoder.parent.parent, (), print, 4)


def test_words_are_those_of_trustmark() -> None:
    assert encoded(WORD) == READ
    real = "2*00110101011100100010001111111111010010101001111110100000000011001111"
    assert decoded(f"{encoded(real)}0010") == (real, 0)


@given(st.data())
def test_as_many_errors_as_a_schema_promises_are_corrected(data: st.DataObject) -> None:
    schema, (size, errors) = data.draw(st.sampled_from(sorted(SCHEMAS.items())))
    identifier = f"{schema}*" + data.draw(st.text("01", min_size=size, max_size=size))
    bits = list(encoded(identifier) or "")
    wrong = data.draw(st.sets(st.integers(0, len(bits) - 1), max_size=errors))
    for at in wrong:
        bits[at] = "10"[int(bits[at])]
    assert decoded("".join(bits) + f"{schema:04b}") == (identifier, len(wrong))


@given(st.text("01", min_size=BITS, max_size=BITS))
def test_what_is_read_as_a_word_is_one(bits: str) -> None:
    word = decoded(bits)
    if word is not None:
        again = encoded(word.identifier) or ""
        off = sum(one != other for one, other in zip(again, bits, strict=False))
        assert off == word.corrected <= SCHEMAS[int(bits[-4:], 2)][1]
