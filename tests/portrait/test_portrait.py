"""The portrait detector: landmarks, the template, and a model from a folder to a signal."""

import io
import json
import math
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import portrait_weights as extract
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFilter

from detectors.errors import CannotAssess, ConfigError
from detectors.item import Item
from detectors.models.folder import ENCODER, save_config
from detectors.portrait import forward, model
from detectors.portrait.detector import Portrait
from detectors.portrait.training import evaluate
from detectors.portrait.training.train import train
from detectors.signal import Claim, Outcome

Run = Callable[..., subprocess.CompletedProcess[str]]
SKIN, HAIR, LIPS = (224, 172, 140), (60, 40, 30), (170, 70, 70)


def face(x: float, y: float, size: float, side: int = 192) -> Image.Image:
    """Return a drawn face: its middle and height as parts of the frame."""
    image = Image.new("RGB", (side, side), (90, 110, 80))
    draw = ImageDraw.Draw(image)

    def oval(a: float, b: float, w: float, h: float, colour: tuple[int, int, int]) -> None:
        left, top = (x + (a - w / 2) * size) * side, (y + (b - h / 2) * size) * side
        draw.ellipse((left, top, left + w * size * side, top + h * size * side), fill=colour)

    oval(0, -0.15, 1.0, 1.3, HAIR)
    oval(0, 0.75, 0.45, 0.6, (190, 146, 119))
    oval(0, 0, 0.8, 1.1, SKIN)
    for eye in (-0.19, 0.19):
        oval(eye, -0.24, 0.26, 0.07, (70, 45, 35))
        oval(eye, -0.20, 0.26, 0.06, SKIN)
        oval(eye, -0.12, 0.22, 0.13, (180, 138, 112))
        oval(eye, -0.12, 0.19, 0.09, (240, 238, 235))
        oval(eye, -0.12, 0.09, 0.09, HAIR)
    oval(0, 0.10, 0.16, 0.12, (206, 158, 129))
    oval(0, 0.30, 0.34, 0.10, LIPS)
    return image.filter(ImageFilter.GaussianBlur(side * 0.006))


def item(image: Image.Image) -> Item:
    out = io.BytesIO()
    image.save(out, "PNG")
    return Item("portrait.png", out.getvalue)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder of drawn portraits, `ai` aligned and `real` scattered, of two sources each."""
    folder = tmp_path_factory.mktemp("portraits")
    draw = np.random.default_rng(3)
    lines = []
    for at in range(24):
        ai = at % 2 == 0
        off = draw.normal(0, 0.004 if ai else 0.05, 3)
        name = f"{at:02}.png"
        face(0.5 + off[0], 0.52 + off[1], 0.55 + off[2]).save(folder / name)
        label = "ai" if ai else "real"
        row = {"file": name, "label": label, "split": "portraits/train", "repo": f"{label}{at % 4}"}
        lines.append(json.dumps(row))
    (folder / "MANIFEST.jsonl").write_text("\n".join(lines))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        yield folder


@pytest.fixture(scope="module")
def trained(data: Path) -> Path:
    """A model trained, calibrated and evaluated on the drawn portraits."""
    said: list[str] = []
    train(data, data / "model", (), said.append)
    evaluate.calibrate(data, data / "model", (), said.append)
    evaluate.evaluate(data, data / "model", ("portraits/train",), said.append)
    assert any("training without ai0" in line for line in said)
    return data / "model"


def test_calibrating_and_judging_need_no_torch(
    run: Run, without: Callable[..., dict[str, str]], data: Path, trained: Path, tmp_path: Path
) -> None:
    own = Path(shutil.copytree(trained, tmp_path / "own"))
    env = {"XDG_CACHE_HOME": str(tmp_path / "cache")} | without("torch")
    given = ("portrait", "--data", data, "--model", own)
    done = run("calibrate", *given, "--threshold", "1", **env)
    assert done.returncode == 0, done.stderr
    assert "plain: " in done.stderr  # pictures were looked at: the cache was empty
    done = run("evaluate", *given, "--split", "portraits/train", **env)
    assert done.returncode == 0, done.stderr
    for file in ("config.json", "metrics.json"):
        assert (own / file).read_bytes() == (trained / file).read_bytes()


def test_landmarks_lie_where_they_were_drawn() -> None:
    found = forward.largest_face(np.asarray(face(0.5, 0.5, 0.5)))
    assert found is not None
    drawn = ((0.405, 0.44), (0.595, 0.44), (0.5, 0.55), (0.43, 0.65), (0.57, 0.65))
    assert np.abs(np.array(found.points) - drawn).max() < 0.04
    assert forward.landmarks(found)[:4] == (*found.points[0], *found.points[1])


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (200, 200), (640, 40)])
def test_a_picture_without_a_face_has_none(size: tuple[int, int]) -> None:
    assert forward.largest_face(np.full((*size, 3), 128, np.uint8)) is None


def test_training_calibration_and_figures_end_in_files(trained: Path) -> None:
    config = json.loads((trained / "config.json").read_text())
    assert config["trained"]["sources"] == ["ai0", "ai2", "real1", "real3"]
    assert config["calibration"]["negatives"] == 12
    metrics = json.loads((trained / "metrics.json").read_text())
    assert metrics["auroc"] > 0.9
    assert metrics["sources"]["ai0"]["n"] == 6
    assert metrics["groups"]["photographs"]["n"] == 12
    assert metrics["groups"]["generator not stated"]["n"] == 12
    card = (trained / "card.md").read_text()
    assert "| ai0 | ai | 6 |" in card
    assert "| photographs | real | 12 |" in card


def test_calibration_says_what_it_is_worth_and_refuses_what_it_cannot_show(
    data: Path, trained: Path
) -> None:
    before = (trained / "config.json").read_bytes()
    for threshold, words in ((10.0, "needs 30 independent items"), (100.0, "never gives")):
        with pytest.raises(ConfigError, match=words):
            evaluate.calibrate(data, trained, (), lambda _: None, threshold)
    (path_report,) = evaluate.calibrate(data, trained, (), lambda _: None, 4.0)
    assert (trained / "config.json").read_bytes() == before
    assert [(limit.negatives, limit.left_out) for limit in path_report.limits] == [(12, "source")]
    assert len(path_report.rows) == 24
    assert all(row.log10_lr is not None for row in path_report.rows if row.assessed)


def test_training_twice_gives_the_same_bytes(data: Path, trained: Path) -> None:
    train(data, data / "again", (), lambda _: None)
    for name in ("weights.safetensors",):
        assert (data / "again" / name).read_bytes() == (trained / name).read_bytes()


def test_an_aligned_portrait_is_found_and_a_scattered_one_is_not(trained: Path) -> None:
    detector = Portrait({"model": str(trained)})
    (aligned,) = detector.inspect(item(face(0.5, 0.52, 0.55)))
    assert aligned.outcome is Outcome.FINDING
    assert aligned.claim is Claim.AI_GENERATED
    assert aligned.facts["template"] is True
    assert aligned.log10_lr is not None
    assert 0 < aligned.log10_lr <= 0.61
    (scattered,) = detector.inspect(item(face(0.4, 0.4, 0.5)))
    assert scattered.outcome is Outcome.CLEAR
    assert scattered.facts["template"] is False


def test_no_face_tiny_and_uncalibrated_are_not_assessed(data: Path, trained: Path) -> None:
    detector = Portrait({"model": str(trained)})
    (none,) = detector.inspect(item(Image.new("RGB", (200, 200), "grey")))
    assert (none.outcome, none.reason.code) == (Outcome.NOT_ASSESSED, "portrait.no_face")
    assert none.facts["score"] < -15
    (tiny,) = detector.inspect(item(face(0.5, 0.52, 0.55, side=100)))
    assert tiny.reason.code == "portrait.tiny"
    shutil.copytree(trained, data / "raw")
    save_config(data / "raw", _uncalibrated(model.load_model(trained).config))
    (raw,) = Portrait({"model": str(data / "raw")}).inspect(item(face(0.5, 0.52, 0.55)))
    assert raw.reason.code == "portrait.uncalibrated"
    assert raw.log10_lr is None


def _uncalibrated(config: model.Config) -> model.Config:
    import msgspec

    return msgspec.structs.replace(config, calibration=None)


def test_the_shipped_model_never_says_more_than_chance_alignment_allows() -> None:
    known = model.load_model(model.SHIPPED).config
    assert known.calibration is not None
    assert known.calibration.cap <= evaluate.CEILING
    assert known.calibration.log10_lr(0) <= 0


PLACES = st.tuples(*[st.floats(0, 1)] * 10)


@given(PLACES, st.floats(-50, 50))
def test_scores_stay_within_what_alignment_and_pixels_may_say(
    places: tuple[float, ...], pixels: float
) -> None:
    known = model.load_model(model.SHIPPED).config
    score = known.score(places, lambda: pixels)
    assert -25 <= score <= 25
    assert abs(score - known.alignment(places)) <= model.PIXELS + 1e-3


def test_pixels_are_not_looked_at_where_they_could_change_nothing() -> None:
    known = model.load_model(model.SHIPPED).config

    def never() -> float:
        raise AssertionError

    assert known.alignment(known.photographed.mean) < model.OPEN
    assert known.score(known.photographed.mean, never) < model.OPEN
    assert known.score(None, never) == -20
    with pytest.raises(AssertionError):
        known.score(known.generated.mean, never)


def test_the_template_scores_higher_than_any_other_place() -> None:
    known = model.load_model(model.SHIPPED).config
    assert known.generated.distance(known.generated.mean) == 0
    assert known.alignment(known.generated.mean) > 0 > known.alignment(known.photographed.mean)


def test_densities_are_those_of_student_t() -> None:
    cauchy = model.LandmarkDistribution(mean=(0, 0), precision=((1, 0), (0, 4)), freedom=1)
    assert cauchy.log_density((0, 0)) == pytest.approx(math.log(1 / math.pi))
    assert cauchy.log_density((1, 0)) == pytest.approx(math.log(1 / math.pi / 2**1.5))


def test_bad_options_say_what_would_be_right(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="use model, device"):
        Portrait({"modell": "x"})
    with pytest.raises(ConfigError, match="provenance train portrait"):
        Portrait({"model": str(tmp_path)})
    (tmp_path / "weights.safetensors").write_bytes(b"")
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ConfigError, match=r"config\.json"):
        Portrait({"model": str(tmp_path)})
    content = (model.SHIPPED / "config.json").read_text()
    (tmp_path / "config.json").write_text(content.replace(ENCODER, "another"))
    with pytest.raises(ConfigError, match="another"):
        Portrait({"model": str(tmp_path)})


def test_too_few_faces_teach_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    face(0.5, 0.5, 0.5).save(tmp_path / "a.png")
    row = {"file": "a.png", "label": "ai", "split": "portraits/train"}
    (tmp_path / "MANIFEST.jsonl").write_text(json.dumps(row))
    with pytest.raises(ConfigError, match="training needs 5"):
        train(tmp_path, tmp_path / "m", (), lambda _: None)


def test_a_broken_picture_is_for_the_engine_to_tell() -> None:
    with pytest.raises(CannotAssess):
        Portrait({}).inspect(Item("x.png", lambda: b"\x89PNG\r\n\x1a\n"))


def test_another_archive_is_refused(tmp_path: Path) -> None:
    import tarfile

    path = tmp_path / "x.tar.gz"
    path.write_bytes(b"no archive")
    with pytest.raises(ConfigError, match="mtcnn"):
        extract.extract(path, tmp_path / "out")
    (tmp_path / "pnet.onnx").write_bytes(b"other")
    with tarfile.open(path, "w:gz") as archive:
        archive.add(tmp_path / "pnet.onnx", f"{extract.FOLDER}/pnet.onnx")
    with pytest.raises(ConfigError, match="not the one measured"):
        extract.extract(path, tmp_path / "out")


def test_looking_needs_no_torch(tmp_path: Path) -> None:
    face(0.5, 0.5, 0.5).save(tmp_path / "a.png")
    code = (
        "import sys, pathlib; from detectors.item import Item;"
        "from detectors.portrait.detector import Portrait;"
        f"data = pathlib.Path({str(tmp_path / 'a.png')!r}).read_bytes();"
        "(said,) = Portrait({}).inspect(Item('a.png', lambda: data));"
        "assert 'torch' not in sys.modules; assert 'eyes' in said.facts"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_portraits_are_cut_out_of_clones_and_all_else_left_out(tmp_path: Path) -> None:
    clone, out = tmp_path / "clones" / "town+team", tmp_path / "out"
    clone.mkdir(parents=True)
    grid = Image.new("RGB", (410, 205), "black")
    grid.paste(face(0.5, 0.52, 0.55, side=200), (0, 0))
    grid.paste(face(0.47, 0.5, 0.6, side=200).transpose(Image.Transpose.FLIP_LEFT_RIGHT), (205, 0))
    pictures = {
        "team/wide.png": face(0.5, 0.5, 0.3, side=700),
        "team/small.png": face(0.5, 0.5, 0.5, side=100),
        "team/logo.png": Image.new("RGB", (300, 300), "navy"),
        "made/grid.png": grid,
        "unseen/wide.png": face(0.4, 0.45, 0.35, side=700),
    }
    for name, image in pictures.items():
        (clone / name).parent.mkdir(exist_ok=True)
        image.save(clone / name)
    shutil.copy(clone / "team/wide.png", clone / "team/copy.png")
    (clone / "team/broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", "-C", str(clone)]
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "pictures"]):
        subprocess.run([*git, *command], check=True)
    said = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    (clone / ".git").rename(clone / "repo")
    head = f"town/team\t{said.stdout.strip()}\t"
    table = tmp_path / "sources.tsv"
    table.write_text(
        "# a remark\nrepo\tcommit\tinclude\texclude\tlabel\tgenerator\tkind\ttiles\tn\n"
        f"{head}^team/\tlogo\treal\t-\tteam\t-\t9\n"
        f"{head}^made/\t-\tai\tgan\tsamples\t2x1:200,205,205,0,0\t9\n"
        f"{head}^unseen/\t-\treal\t-\tcheck\t-\t9\n",
        "utf-8",
    )

    command = [sys.executable, "benchmarks/portrait_sources.py", "--clones", str(clone.parent)]
    ran = subprocess.run(
        [*command, "--out", str(out), "--table", str(table)],
        cwd=Path(__file__).parents[2],
        check=False,
        capture_output=True,
        text=True,
    )

    assert ran.returncode == 0, ran.stderr
    rows = [json.loads(line) for line in (out / "MANIFEST.jsonl").read_text("utf-8").splitlines()]
    assert [(row["label"], row["split"]) for row in rows] == [
        ("real", "portraits/more"),
        ("real", "portraits/aligned"),
        ("ai", "portraits/more"),
        ("ai", "portraits/more"),
        ("real", "portraits/check"),
    ]
    places = [forward.largest_face(np.asarray(Image.open(out / row["file"]))) for row in rows]
    eyes = [forward.landmarks(place)[:4] for place in places if place]
    template = (0.378, 0.469, 0.624, 0.469)
    assert max(abs(a - b) for a, b in zip(eyes[0], template, strict=True)) > 0.05
    assert max(abs(a - b) for a, b in zip(eyes[1], template, strict=True)) < 0.02
