"""A bank is measured on pictures that are not in it, and what was found is kept with it."""

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import numpy as np
import pytest
from PIL import Image, ImageFilter

from detectors.bank.chance.file import FILE, load_calibration
from detectors.bank.chance.tables import shipped
from detectors.bank.server.address import address
from detectors.errors import Error
from detectors.known_fakes.detector import KnownFakes

Run = Callable[..., CompletedProcess[str]]


def blotches(folder: Path, start: int, count: int) -> Path:
    """Draw pictures of a few soft blotches, which come near to each other now and then."""
    folder.mkdir()
    for number in range(start, start + count):
        grid = np.random.default_rng(number).integers(0, 256, (5, 5), np.uint8)
        image = Image.fromarray(grid).resize((96, 96), Image.Resampling.BICUBIC)
        fine = np.random.default_rng(-number % 2**32).integers(0, 50, (96, 96)).astype(np.uint8)
        mixed = np.asarray(image.filter(ImageFilter.GaussianBlur(2))) // 2 + fine
        Image.fromarray(mixed.astype(np.uint8)).save(folder / f"{number}.png")
    return folder


@pytest.fixture
def bank(run: Run, tmp_path: Path) -> Path:
    blotches(tmp_path / "known", 1000, 24)
    assert run("bank", "add", "--bank", "b.bank", "--class", "ai_face", "known").returncode == 0
    return tmp_path / "b.bank"


def test_a_bank_is_measured_on_its_users_pictures(run: Run, bank: Path, tmp_path: Path) -> None:
    negatives = blotches(tmp_path / "negatives", 0, 66)
    twin = negatives / "twin.png"
    twin.write_bytes((tmp_path / "known" / "1003.png").read_bytes())
    (negatives / "broken.png").write_bytes(twin.read_bytes()[:40])
    (negatives / "note.txt").write_text("no picture")
    call = ("bank", "calibrate", "--bank", "b.bank", "--negatives", "negatives")
    dry = run(*call, "--dry-run")
    assert (dry.returncode, (bank / FILE).exists()) == (0, False)
    done = run(*call)
    assert done.returncode == 0, done.stderr
    assert "left out, the bank has it: negatives/twin.png" in done.stderr
    assert "broken.png: picture." in done.stderr
    assert "66 pictures against 24 entries" in done.stdout
    assert "ai_face pdq64.v1, 16 of 256 bits" in done.stdout
    said = json.loads((bank / FILE).read_bytes())
    assert (said["negatives"], said["entries"]) == (66, 24)
    tables, name = load_calibration(bank)
    assert tables.by_hash(20, "ai_face", "pdq64.v1") != shipped().by_hash(20, "ai_face", "pdq64.v1")
    assert tables.by_hash(20, "other", "pdq") == shipped().by_hash(20, "other", "pdq")
    assert KnownFakes({"banks": [str(bank)]}).version.endswith(f"b@24+{name}")
    assert run("bank", "add", "--bank", "b.bank", "--id", "late", twin).returncode == 0
    assert load_calibration(bank)[1] == name


def test_too_few_pictures_are_refused_with_the_number_needed(
    run: Run, bank: Path, tmp_path: Path
) -> None:
    blotches(tmp_path / "few", 0, 7)
    done = run("bank", "calibrate", "--bank", "b.bank", "--negatives", "few")
    assert (done.returncode, done.stdout) == (2, "")
    assert "7 pictures" in done.stderr
    assert "60 are needed" in done.stderr
    assert not (bank / FILE).exists()
    missing = run("bank", "calibrate", "--bank", "b.bank", "--negatives", "nowhere")
    assert missing.returncode == 2


def test_a_calibration_that_cannot_be_read_is_refused(bank: Path) -> None:
    assert load_calibration(bank) == (shipped(), "")
    assert load_calibration(address("postgresql://h/d")) == (shipped(), "")
    later = '{"format": "later", "made": "", "negatives": 0, "entries": 0, "tables": {"kinds": {}}}'
    for text in ("{", later):
        (bank / FILE).write_text(text)
        with pytest.raises(Error):
            KnownFakes({"banks": [str(bank)]})
