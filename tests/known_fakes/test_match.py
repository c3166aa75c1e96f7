"""Who is recognised, who is not, and how sure one may be of it."""

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import numpy as np
import pytest
from PIL import Image

from detectors.bank.entry import Entry, EntryKind, Hash
from detectors.bank.features import (
    ENTRY_FEATURES,
    ENTRY_SIDE,
    block_codes,
    entry_block,
    extract,
    from_block,
)
from detectors.bank.folder.store import FEATURES, create, writing
from detectors.bank.index.descriptors import FEWEST_BITS, BinaryDescriptors, count_votes
from detectors.bank.matching.verify import verify
from detectors.decode.picture import Picture
from detectors.errors import ConfigError
from detectors.hashing.views import views
from detectors.item import Item
from detectors.known_fakes.detector import KnownFakes

Run = Callable[..., CompletedProcess[str]]
FAKES = Path(__file__).parents[2] / "fixtures" / "fakes"
NO_COLOURS = np.zeros((0, 16, 16, 3), np.uint8)
NOW = "2026-01-02T03:04:05Z"


def item(path: Path) -> Item:
    return Item(path.name, path.read_bytes)


def grey(name: str) -> "np.ndarray[tuple[int, int], np.dtype[np.uint8]]":
    return np.asarray(Image.open(FAKES / name).convert("L"))


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from detectors.bank.enrol import enrolled

    path = tmp_path_factory.mktemp("x") / "fakes.bank"
    create(path, NOW)
    with writing(path) as writer:
        for picture in sorted((FAKES / "known").iterdir()):
            template = Entry(id=picture.stem, hashes={}, created=NOW, modified=NOW)
            writer.put(*enrolled(item(picture), template))
        writer.commit()
    return path


def test_without_a_bank_no_pixel_is_decoded() -> None:
    broken = Item("x", lambda: b"\x89PNG\r\n\x1a\n")
    said = KnownFakes({}).inspect(broken)
    assert [(s.outcome, s.reason.code) for s in said] == [("not_assessed", "known_fakes.no_bank")]
    assert broken.fingerprints == {}


@pytest.mark.parametrize("options", [{"bank": []}, {"banks": "x"}, {"banks": ["mysql://h/d"]}])
def test_options_that_cannot_be_used_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        KnownFakes(options)


def test_a_match_says_which_entry_how_near_and_how_sure(bank: Path) -> None:
    detector = KnownFakes({"banks": [str(bank)]})
    query = item(FAKES / "queries" / "boris_mirrored.jpg")
    (signal,) = detector.inspect(query)
    facts = signal.facts
    assert (facts["entry"], facts["bank"], facts["class"]) == ("boris", "fakes", "other")
    assert facts["transform"] == "mirrored"
    assert 0 < facts["false_match_probability"] <= facts["false_match_upper"] <= 1
    assert len(query.fingerprints["pdq"]) == 64
    assert detector.version == "1, fakes@5"


@pytest.mark.parametrize("path", sorted((FAKES / "queries").iterdir()), ids=lambda path: path.name)
def test_an_altered_copy_names_its_picture_and_no_other(bank: Path, path: Path) -> None:
    said = KnownFakes({"banks": [str(bank)]}).inspect(item(path))
    assert [signal.facts["entry"] for signal in said] == [path.stem.partition("_")[0]]


@pytest.mark.parametrize(
    "path", sorted((FAKES / "negatives").iterdir()), ids=lambda path: path.name
)
def test_another_picture_names_none(bank: Path, path: Path) -> None:
    said = KnownFakes({"banks": [str(bank)]}).inspect(item(path))
    assert all(signal.outcome in ("clear", "not_assessed") for signal in said)


def test_damaged_features_cost_the_close_look_and_nothing_else(bank: Path, tmp_path: Path) -> None:
    hurt = tmp_path / "hurt.bank"
    shutil.copytree(bank, hurt)
    (hurt / FEATURES).write_bytes(bytes((hurt / FEATURES).stat().st_size))
    detector = KnownFakes({"banks": [str(hurt)]})
    assert detector.inspect(item(FAKES / "queries" / "anna_cropped.jpg"))[0].outcome == "clear"
    assert detector.inspect(item(FAKES / "queries" / "anna_jpeg.jpg"))[0].outcome == "finding"


def test_foreign_hashes_match_without_features(tmp_path: Path) -> None:
    source = item(FAKES / "known" / "anna.jpg")
    from detectors.hashing.views import hash_views

    value = hash_views(source.picture).pdq.tobytes().hex()
    path = tmp_path / "theirs.bank"
    create(path, NOW)
    with writing(path) as writer:
        hashes = {"pdq": (Hash(value),)}
        writer.put(
            Entry(id="t", kind=EntryKind.STOLEN_PHOTO, hashes=hashes, created=NOW, modified=NOW)
        )
        writer.commit()
    detector = KnownFakes({"banks": [str(path)]})
    (signal,) = detector.inspect(item(FAKES / "queries" / "anna_jpeg.jpg"))
    assert (signal.facts["algorithm"], signal.reason.code) == (
        "pdq",
        "known_fakes.match_stolen_photo",
    )
    assert detector.inspect(item(FAKES / "negatives" / "hana.jpg"))[0].outcome == "clear"


def test_an_innocent_picture_is_said_to_be_one(run: Run) -> None:
    innocent = ("bank", "add", "--bank", "b.bank", "--innocent")
    assert run(*innocent, FAKES / "known" / "anna.jpg").returncode == 0
    check = ("check", "--only", "known_fakes", "--bank", "b.bank", "--format", "jsonl")
    for query in ("known/anna.jpg", "queries/anna_jpeg.jpg", "queries/anna_cropped.jpg"):
        done = run(*check, FAKES / query)
        record = json.loads(done.stdout)
        assert done.returncode == 0
        assert [s["claim"] for s in record["signals"]] == ["known_innocent"]


def test_mirrored_features_are_those_of_the_mirrored_picture() -> None:
    picture = grey("known/chloe.jpg")
    ready = extract(picture, ENTRY_SIDE, ENTRY_FEATURES).mirrored()
    real = extract(np.ascontiguousarray(picture[:, ::-1]), ENTRY_SIDE, ENTRY_FEATURES)
    agreed = verify(ready, real)
    assert agreed is not None
    assert agreed.inliers > 100
    assert agreed.correlation > 0.98
    assert abs(agreed.angle) < 1


def test_a_block_gives_back_its_features() -> None:
    picture = grey("known/deniz.jpg")
    made, kept = (
        extract(picture, ENTRY_SIDE, ENTRY_FEATURES),
        from_block(entry_block(picture, NO_COLOURS)),
    )
    assert np.array_equal(block_codes(entry_block(picture, NO_COLOURS)), made.codes)
    assert np.abs(kept.points - made.points).max() < 0.02
    assert np.abs(kept.descriptors - made.descriptors).max() < 0.26
    assert len(block_codes(b"something else")) == 0


def test_codes_speak_for_the_entry_they_come_from() -> None:
    names = sorted(path.name for path in (FAKES / "known").iterdir())
    owned = [
        (n, block_codes(entry_block(grey(f"known/{x}"), NO_COLOURS))) for n, x in enumerate(names)
    ]
    asked = extract(grey("queries/boris_rotated.jpg"), ENTRY_SIDE, 150).codes
    votes = count_votes(BinaryDescriptors.of(owned).near(asked, FEWEST_BITS))
    assert names[votes[votes[:, 1].argmax(), 0]] == "boris.jpg"
    assert count_votes(BinaryDescriptors.of([]).near(asked, FEWEST_BITS)).tolist() == []


def test_nothing_agrees_with_a_plain_picture() -> None:
    plain = extract(np.full((100, 100), 128, np.uint8), ENTRY_SIDE, 100)
    assert verify(plain, extract(grey("known/anna.jpg"), ENTRY_SIDE, 100)) is None
    assert verify(extract(grey("known/anna.jpg"), ENTRY_SIDE, 100), plain) is None


def test_borders_are_trimmed_and_the_inner_square_lies_in_the_circle() -> None:
    busy = np.random.default_rng(1).integers(0, 256, (60, 80), dtype=np.uint8)
    framed = np.pad(busy, ((9, 20), (30, 4)), constant_values=255)
    whole, trimmed, inner = views(shown(framed))
    assert np.array_equal(trimmed.luma, busy)
    assert trimmed.box == (30 / 114, 9 / 89, 110 / 114, 69 / 89)
    assert (whole.luma.shape, inner.luma.shape) == ((89, 114), (42, 42))
    plain = views(shown(np.full((40, 50), 9, np.uint8)))
    assert [(view.name, view.luma.shape) for view in plain] == [
        ("whole", (40, 50)),
        ("inner", (28, 28)),
    ]


def shown(pixels: "np.ndarray[tuple[int, int], np.dtype[np.uint8]]") -> Picture:
    """Return the picture of some pixels, as a file has them."""
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "PNG")
    return Item("x", data.getvalue).picture


def test_an_innocent_bank_silences_a_fake_that_is_no_nearer(run: Run) -> None:
    picture = FAKES / "known" / "anna.jpg"
    assert run("bank", "add", "--bank", "fakes.bank", picture).returncode == 0
    assert run("bank", "add", "--bank", "mine.bank", "--innocent", picture).returncode == 0
    call = ("check", "--only", "known_fakes", "--policy", "profile-photos", "--format", "jsonl")
    call += ("--bank", "fakes.bank")
    copy = FAKES / "queries" / "anna_jpeg.jpg"
    alone = json.loads(run(*call, copy).stdout)
    both = json.loads(run(*call, "--bank", "mine.bank", copy).stdout)
    assert alone["verdict"]["risk"] == "high"
    assert both["verdict"]["risk"] == "inconclusive"
    assert {s["claim"] for s in both["signals"]} == {"known_fake", "known_innocent"}
    exact = json.loads(run(*call, "--bank", "mine.bank", picture).stdout)
    assert exact["verdict"]["risk"] == "review"
    (opposed,) = [s for s in exact["signals"] if s["claim"] == "conflict"]
    assert opposed["reason"]["code"] == "conflict.bank"
    shown = run(*call[:-4], "--bank", "fakes.bank", "--bank", "mine.bank", picture).stdout
    assert "one of the two entries is wrong" in " ".join(shown.split())
    told = run(*call[:-4], "--bank", "fakes.bank", "--bank", "mine.bank", copy).stdout
    assert "kept as a harmless picture (bank mine" in " ".join(told.split())


@pytest.mark.parametrize("form", ["GIF", "WEBP"])
def test_a_known_face_in_an_animation_is_found(bank: Path, form: str) -> None:
    names = ["negatives/farid.jpg"] * 2 + ["known/anna.jpg"] * 4
    frames = [Image.open(FAKES / name).convert("RGB").resize((200, 200)) for name in names]
    data = io.BytesIO()
    frames[0].save(data, form, save_all=True, append_images=frames[1:], duration=80)
    (signal,) = KnownFakes({"banks": [str(bank)]}).inspect(Item("x", data.getvalue))
    assert (signal.facts["entry"], signal.facts["frame"] >= 1) == ("anna", True)


def test_a_cut_file_is_matched_by_the_rows_that_came(bank: Path) -> None:
    data = (FAKES / "known" / "emil.jpg").read_bytes()
    cut = data[: len(data) * 4 // 5]
    (signal,) = KnownFakes({"banks": [str(bank)]}).inspect(Item("x", lambda: cut))
    assert (signal.facts["entry"], signal.facts["truncated"]) == ("emil", True)
