"""The picture classifier: from a folder of pictures to one signal a picture."""

import io
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest
from PIL import Image

from detectors.errors import CannotAssess, ConfigError
from detectors.image_model import model
from detectors.image_model.detector import ImageModel
from detectors.image_model.forward import chosen, colours
from detectors.image_model.training import card, evaluate
from detectors.image_model.training.scored import ScoredPicture
from detectors.image_model.training.train import (
    MOST_RECOMPRESSED,
    recompressed_rows,
    train,
    training_set,
)
from detectors.item import Item
from detectors.models.encoder.features import LabelledPicture
from detectors.models.folder import save_config
from detectors.signal import Claim, Outcome

Run = Callable[..., subprocess.CompletedProcess[str]]


def made(seed: int, *, ai: bool) -> Image.Image:
    """Build a made picture: coarse coloured clouds as `ai`, fine grey ones as `real`."""
    draw = np.random.default_rng(seed)
    cells = draw.integers(0, 256, (5, 5, 3) if ai else (40, 40, 1), np.uint8)
    small = Image.fromarray(np.repeat(cells, 1 if ai else 3, -1))
    return small.resize((240, 200), Image.Resampling.BICUBIC)


def item(image: Image.Image) -> Item:
    out = io.BytesIO()
    image.save(out, "PNG")
    return Item("picture.png", out.getvalue)


@pytest.fixture(scope="module")
def cloud() -> Item:
    """A made picture of the kind called `ai`; an item is encoded once, so tests share it."""
    return item(made(20, ai=True))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder of twelve made pictures of four sources, and two flat graphics labelled `other`."""
    folder = tmp_path_factory.mktemp("pictures")
    lines = []
    for at in range(12):
        ai = at % 2 == 0
        label = "ai" if ai else "real"
        made(at, ai=ai).save(folder / f"{at}.png")
        row = {"file": f"{at}.png", "label": label, "split": "train", "repo": f"{label}{at % 4}"}
        lines.append(row | {"face": at < 4})
    for at, colour in enumerate(("white", "black")):
        Image.new("RGB", (240, 200), colour).save(folder / f"flat{at}.png")
        lines.append({"file": f"flat{at}.png", "label": "other", "split": "other", "repo": "o"})
    (folder / "MANIFEST.jsonl").write_text("\n".join(map(json.dumps, lines)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        yield folder


@pytest.fixture(scope="module")
def trained(data: Path) -> Path:
    """A model trained, calibrated and evaluated on the made pictures."""
    said: list[str] = []
    train(data, data / "model", (), said.append)
    evaluate.calibrate(data, data / "model", (), said.append)
    evaluate.evaluate(data, data / "model", ("train",), said.append)
    assert any("training without real1" in line for line in said)
    return data / "model"


def test_training_calibration_and_figures_end_in_files(trained: Path) -> None:
    config = json.loads((trained / "config.json").read_text())
    assert config["trained"] == {
        "splits": ["train"],
        "ai": 6,
        "real": 6,
        "sources": ["ai0", "ai2", "real1", "real3"],
        "command": "provenance train image_model --split train",
    }
    assert config["gate"]["measured"]["other"] == 2
    assert config["calibration"]["negatives"] == 6  # copies of a picture count as one
    metrics = json.loads((trained / "metrics.json").read_text())
    assert metrics["all"]["ai"] == 6
    assert metrics["like photographs"]["ai"] == 0  # none of them is on the list
    assert metrics["like photographs"]["real"] == 6
    assert metrics["deliveries"]["half"]["real"] == 6
    assert "| sent as q75 | 6 | 6 |" in (trained / "card.md").read_text()


def test_calibration_says_what_it_is_worth_and_refuses_what_it_cannot_show(
    data: Path, trained: Path
) -> None:
    before = (trained / "config.json").read_bytes()
    with pytest.raises(ConfigError, match="needs 30 independent items"):
        evaluate.calibrate(data, trained, (), lambda _: None, 10.0)
    (path_report,) = evaluate.calibrate(data, trained, (), lambda _: None)
    assert (trained / "config.json").read_bytes() == before
    assert [limit.left_out for limit in path_report.limits] == ["source"]
    assert sorted(row.source for row in path_report.rows) == sorted(
        [*("ai0", "ai2", "real1", "real3")] * 3
    )


def test_training_and_calibrating_need_no_torch(
    run: Run, without: Callable[..., dict[str, str]], data: Path, trained: Path, tmp_path: Path
) -> None:
    own = Path(shutil.copytree(trained, tmp_path / "own"))
    env = {"XDG_CACHE_HOME": str(tmp_path / "cache")} | without("torch")
    given = ("image_model", "--data", data, "--model", own)
    done = run("calibrate", *given, "--threshold", "1", **env)
    assert done.returncode == 0, done.stderr
    assert "plain: 8 of 12 pictures" in done.stderr  # the cache was empty
    done = run("evaluate", *given, "--split", "train", **env)
    assert done.returncode == 0, done.stderr
    done = run("train", *given[:3], "--out", tmp_path / "new", **env)
    assert done.returncode == 0, done.stderr
    weights = "weights.safetensors"
    assert (tmp_path / "new" / weights).read_bytes() == (trained / weights).read_bytes()
    for file in ("config.json", "metrics.json"):
        assert (own / file).read_bytes() == (trained / file).read_bytes()


def test_training_twice_gives_the_same_bytes(data: Path, trained: Path) -> None:
    train(data, data / "again", ("train",), lambda _: None)
    once, twice = (path / "weights.safetensors" for path in (trained, data / "again"))
    assert once.read_bytes() == twice.read_bytes()


def test_pictures_are_told_apart_and_scores_repeat(trained: Path, cloud: Item) -> None:
    (said,) = ImageModel({"model": str(trained)}).inspect(cloud)
    (again,) = ImageModel({"model": str(trained)}).inspect(item(made(20, ai=True)))
    assert msgspec.json.encode(said) == msgspec.json.encode(again)
    (other,) = ImageModel({"model": str(trained)}).inspect(item(made(21, ai=False)))
    assert said.facts["score"] > 0 > other.facts["score"]
    assert said.facts["path"] == "full"
    assert said.source == "pixels"


def steep(trained: Path, folder: Path, *, end: float = 2.0, graphic: float = 99.0) -> ImageModel:
    """Return a detector whose ratio rises from -2 to `end` at score 0, and whose gate is open."""
    known = model.load_model(trained)
    assert known.config.calibration is not None
    calibration = msgspec.structs.replace(
        known.config.calibration,
        knots=((-0.001, -2.0), (0.0, end)),
        cap=2.0,
        floor=-2.0,
    )
    gate = msgspec.structs.replace(known.config.gate, graphic=graphic, colours=2)
    folder.mkdir()
    weights = (trained / "weights.safetensors").read_bytes()
    (folder / "weights.safetensors").write_bytes(weights)
    config = msgspec.structs.replace(known.config, calibration=calibration, gate=gate)
    save_config(folder, config)
    return ImageModel({"model": str(folder)})


def test_a_ratio_above_one_is_a_finding_and_below_it_nothing(
    trained: Path, tmp_path: Path, cloud: Item
) -> None:
    detector = steep(trained, tmp_path / "steep")
    (found,) = detector.inspect(cloud)
    assert (found.outcome, found.claim) == (Outcome.FINDING, Claim.AI_GENERATED)
    assert found.log10_lr == 2.0
    (clear,) = detector.inspect(item(made(21, ai=False)))
    assert (clear.outcome, clear.claim, clear.log10_lr) == (Outcome.CLEAR, None, -2.0)


def test_what_does_not_survive_re_encoding_is_not_used(
    trained: Path, tmp_path: Path, cloud: Item
) -> None:
    detector = steep(trained, tmp_path / "steep")
    (said,) = detector.inspect(cloud)
    calibration = detector._model.config.calibration  # noqa: SLF001 - to set the step below the score
    assert calibration is not None
    sharp = msgspec.structs.replace(
        calibration,
        knots=((said.facts["score"] - 0.001, -2.0), (said.facts["score"], 2.0)),
    )
    folder = tmp_path / "steep"
    save_config(folder, msgspec.structs.replace(model.load_model(folder).config, calibration=sharp))
    (said,) = ImageModel({"model": str(folder)}).inspect(cloud)
    assert said.reason.code == "image_model.unstable"
    assert said.outcome is Outcome.NOT_ASSESSED
    assert said.log10_lr is None
    assert said.reason.args["delivery"] in ("q75", "half")


@pytest.mark.parametrize(
    ("image", "graphic", "code"),
    [
        (made(20, ai=True).resize((159, 200)), 99.0, "image_model.tiny"),
        (Image.new("RGB", (200, 200), "white"), 99.0, "image_model.flat"),
        (made(20, ai=True), -99.0, "image_model.graphic"),
    ],
)
def test_what_was_not_measured_is_not_assessed_but_scored(
    trained: Path, tmp_path: Path, image: Image.Image, graphic: float, code: str
) -> None:
    (said,) = steep(trained, tmp_path / "gate", graphic=graphic).inspect(item(image))
    assert (said.outcome, said.reason.code) == (Outcome.NOT_ASSESSED, code)
    assert said.log10_lr is None
    assert isinstance(said.facts["score"], float)


def test_an_uncalibrated_model_is_silent(trained: Path, data: Path, cloud: Item) -> None:
    raw = data / "uncalibrated"
    raw.mkdir()
    (raw / "weights.safetensors").write_bytes((trained / "weights.safetensors").read_bytes())
    known = model.load_model(trained).config
    gate = msgspec.structs.replace(known.gate, graphic=99.0)
    save_config(raw, msgspec.structs.replace(known, calibration=None, gate=gate))
    (said,) = ImageModel({"model": str(raw)}).inspect(cloud)
    assert said.reason.code == "image_model.uncalibrated"
    evaluate.evaluate(data, raw, ("train",), lambda _: None)
    assert json.loads((raw / "metrics.json").read_text())["calibration"] is None


def test_without_graphics_the_gate_stops_none(data: Path, tmp_path: Path) -> None:
    for file in data.glob("*.png"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    lines = (data / "MANIFEST.jsonl").read_text().splitlines()
    kept = [line for line in lines if '"other"' not in line]
    (tmp_path / "MANIFEST.jsonl").write_text("\n".join(kept))
    train(tmp_path, tmp_path / "m", (), lambda _: None)
    assert model.load_model(tmp_path / "m").config.gate.measured["other"] == 0
    (tmp_path / "MANIFEST.jsonl").write_text("\n".join(x for x in kept if '"ai"' in x))
    with pytest.raises(ConfigError, match="both labels"):
        train(tmp_path, tmp_path / "m", (), lambda _: None)


def test_lessons_hold_copies_of_at_most_so_many_of_a_source(data: Path) -> None:
    rows, tokens = training_set(data, ("train",), lambda _: None)
    assert tokens.shape == (36, 8, 768)
    assert len({row.file for row in rows}) == 12
    assert len(recompressed_rows([rows[0]] * 50)) == MOST_RECOMPRESSED


def test_features_are_the_blocks_in_order() -> None:
    tokens = np.arange(16, dtype=np.float32).reshape(8, 2)
    assert chosen(tokens, (6, 8)).tolist() == [10, 11, 14, 15]
    assert chosen(tokens[None], (1,)).shape == (1, 2)


def test_colours_count_what_makes_up_nearly_all() -> None:
    square = np.zeros((100, 100, 3), np.uint8)
    assert colours(square) == 1
    square[:50] = 255
    square[0, 0] = 100  # too few to count
    assert colours(square) == 2


def test_a_group_shows_its_interval_and_small_ones_are_left_out() -> None:
    found = [
        ScoredPicture(
            row=LabelledPicture(file=str(i), label="real", split="x", repo="ab"[i > 8] * 3),
            how="plain",
            score=0.0,
            assessed=True,
        )
        for i in range(11)
    ]
    ratios = [1.0, 0.99, None] + [0.0] * 8
    known = model.load_model(model.SHIPPED).config
    metrics = card.figures(found, ratios, known, "command")
    assert metrics["accused"]["aaa"] == {"n": 9, "accused": 1, "wilson_95": [0.02, 0.435]}
    assert "bbb" not in metrics["accused"]
    assert metrics["all"]["auroc"] is None
    assert "| all | 0 | 11 |  |" in card.page(metrics, known)


def test_bad_options_say_what_would_be_right(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="use model, device"):
        ImageModel({"modell": "x"})
    with pytest.raises(ConfigError, match="provenance train image_model"):
        ImageModel({"model": str(tmp_path)})
    (tmp_path / "weights.safetensors").write_bytes(b"")
    (tmp_path / "config.json").write_text('{"architectures": ["ViTForImageClassification"]}')
    with pytest.raises(ConfigError, match=r"config\.json"):
        ImageModel({"model": str(tmp_path)})
    content = (model.SHIPPED / "config.json").read_text()
    (tmp_path / "config.json").write_text(content.replace('"image_model"', '"portrait"', 1))
    with pytest.raises(ConfigError, match="a model of portrait"):
        ImageModel({"model": str(tmp_path)})


def test_a_broken_picture_is_for_the_engine_to_tell() -> None:
    with pytest.raises(CannotAssess):
        ImageModel({}).inspect(Item("x.png", lambda: b"\x89PNG\r\n\x1a\n"))


def test_the_shipped_model_is_calibrated_on_hundreds_of_real_pictures() -> None:
    known = model.load_model(model.SHIPPED).config
    assert known.calibration is not None
    assert known.calibration.negatives > 500
    assert {"all", "q75", "half", "faces"} <= set(known.calibration.groups)


def test_looking_needs_no_torch(tmp_path: Path) -> None:
    made(1, ai=False).save(tmp_path / "a.png")
    code = (
        "import sys, pathlib; from detectors.item import Item;"
        "from detectors.image_model.detector import ImageModel;"
        f"data = pathlib.Path({str(tmp_path / 'a.png')!r}).read_bytes();"
        "(said,) = ImageModel({}).inspect(Item('a.png', lambda: data));"
        "assert 'torch' not in sys.modules; assert 'score' in said.facts"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
