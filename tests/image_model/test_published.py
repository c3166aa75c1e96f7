"""Published detectors load safely, score as their own libraries do, speak once calibrated."""

import hashlib
import importlib
import io
import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import AutoImageProcessor, ViTConfig, ViTForImageClassification, pipeline

from detectors.errors import CannotAssess, ConfigError
from detectors.image_model.detector import ImageModel
from detectors.image_model.external.detector import ExternalModel, calibrate, detector
from detectors.image_model.external.layouts import chosen, layout
from detectors.image_model.external.scorer import Scorer, log_odds
from detectors.item import Item
from detectors.models import external
from detectors.models.preprocessing import Preprocessing, preprocess
from detectors.signal import Claim, Outcome, Signal

RED, BLUE = (60, 0, 0), (0, 0, 60)
SIGHT: dict[str, Any] = {
    "size": 24, "resize": 28, "interpolation": "bicubic",
    "mean": [0.5, 0.4, 0.3], "std": [0.2, 0.25, 0.3],
}  # fmt: skip
NEEDS_TIMM = "timm, with a torchvision of the same build as torch, is not installed"


def timm() -> Any:
    """Return timm; a test that needs it is left out where it cannot be imported."""
    try:
        return importlib.import_module("timm")
    except (ImportError, RuntimeError):
        return pytest.skip(NEEDS_TIMM)


def clouds(
    seed: int, tint: tuple[int, int, int], size: tuple[int, int] = (240, 200)
) -> Image.Image:
    """Return noise of all scales, which the gate lets through like a photograph, in a tint."""
    draw = np.random.default_rng(seed)
    total = np.zeros((size[1], size[0], 3))
    for n in (3, 6, 12, 24, 48, 96):
        for channel in range(3):
            cells = Image.fromarray(draw.normal(0, 1, (n, n)).astype(np.float32))
            total[..., channel] += np.asarray(cells.resize(size, Image.Resampling.BICUBIC)) / n
    low, high = total.min(), total.max()
    rgb = (total - low) / (high - low) * 180 + 10 + np.array(tint)
    return Image.fromarray(np.clip(rgb, 0, 255).astype(np.uint8))


def item(image: Image.Image) -> Item:
    out = io.BytesIO()
    image.save(out, "PNG")
    return Item("picture.png", out.getvalue)


def look(model: Path, image: Image.Image, **options: Any) -> Signal:
    (signal,) = ExternalModel({"model": str(model), **options}).inspect(item(image))
    return signal


def colour_model(folder: Path, *, labels: tuple[str, ...] = ("real", "fake"), **said: Any) -> Path:
    """Write an ONNX file whose last logit grows with red, its first with blue, and its sidecar."""
    folder.mkdir(parents=True, exist_ok=True)
    columns = [[0, 0, 2.0], [2.0, 0, 0]] if len(labels) > 1 else [[2.0, 0, -2.0]]
    weights = np.array(columns, np.float32).T
    nodes = [
        helper.make_node("ReduceMean", ["x", "axes"], ["means"], keepdims=0),
        helper.make_node("MatMul", ["means", "w"], ["logits"]),
        helper.make_node("Softmax" if len(labels) > 1 else "Sigmoid", ["logits"], ["chances"]),
    ]
    n, side = len(labels), said.get("side", SIGHT["size"])
    graph = helper.make_graph(
        nodes,
        "colours",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, side, side])],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, n])
            for name in ("logits", "chances")
        ],
        [numpy_helper.from_array(weights, "w"), helper.make_tensor("axes", 7, [2], [2, 3])],
    )
    file = folder / "colours.onnx"
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.save_model(made, file)
    own = {"input": "x", "output": "logits", "gives": "logits", "labels": labels}
    file.with_suffix(".json").write_text(json.dumps(SIGHT | own))
    return resaid(file, **{key: value for key, value in said.items() if key != "side"})


def resaid(file: Path, **said: Any) -> Path:
    """Return an ONNX file whose sidecar names its digest, and says something else."""
    path, sha256 = file.with_suffix(".json"), hashlib.sha256(file.read_bytes()).hexdigest()
    path.write_text(json.dumps(json.loads(path.read_text()) | {"sha256": sha256} | said))
    return file


def vit(folder: Path, labels: dict[int, str], **processor: Any) -> Path:
    """Write a tiny transformers folder."""
    torch.manual_seed(2)
    config = ViTConfig(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16,
        image_size=32, patch_size=8, initializer_range=0.5, id2label=labels,
    )  # fmt: skip
    ViTForImageClassification(config).save_pretrained(folder)
    said = {"image_processor_type": "ViTImageProcessor", "size": {"height": 32, "width": 32}}
    (folder / "preprocessor_config.json").write_text(json.dumps(said | processor))
    return folder


# --- what a layout shows a picture, and what it makes of it ---


@pytest.mark.parametrize(
    "processor",
    [
        {},  # no word of a crop: the whole picture is squashed
        {"resample": 3, "image_mean": [0.4, 0.5, 0.6], "image_std": [0.2, 0.3, 0.4]},
        {
            "size": {"shortest_edge": 40}, "do_center_crop": True,
            "crop_size": {"height": 32, "width": 32},
        },
        {
            "image_processor_type": "ConvNextImageProcessor", "size": {"shortest_edge": 32},
            "crop_pct": 0.875,
        },
    ],
)  # fmt: skip
def test_transformers_scores_are_those_of_its_own_pipeline(
    processor: dict[str, Any], tmp_path: Path
) -> None:
    folder = vit(tmp_path / "m", {0: "artificial", 1: "human"}, **processor)
    image = clouds(1, RED)
    own = pipeline(
        "image-classification",
        model=str(folder),
        image_processor=AutoImageProcessor.from_pretrained(folder, backend="pil"),
    )(image)
    likely = {row["label"]: row["score"] for row in own}
    expected = math.log(likely["artificial"] / likely["human"])
    assert look(folder, image).facts["score"] == pytest.approx(expected, abs=2e-3)


@pytest.mark.parametrize("size", [(240, 201), (199, 301)])
@pytest.mark.parametrize("resize", [28, None])
def test_a_sight_is_pillows_resizing_cut_in_the_middle(
    size: tuple[int, int], resize: int | None
) -> None:
    image = clouds(2, BLUE, size)
    preprocessing = Preprocessing(**SIGHT | {"resize": resize})
    if resize is None:
        square = image.resize((24, 24), Image.Resampling.BICUBIC)
    else:
        long = int(28 * max(size) / min(size))
        whole = image.resize((28, long) if size[0] < size[1] else (long, 28), 3)
        left, top = round((whole.width - 24) / 2), round((whole.height - 24) / 2)
        square = whole.crop((left, top, left + 24, top + 24))
    values = np.asarray(square) / 255
    expected = (values - SIGHT["mean"]) / SIGHT["std"]
    found = preprocess(np.asarray(image), preprocessing)
    assert (found.shape, found.dtype) == ((1, 3, 24, 24), np.float32)
    np.testing.assert_allclose(found[0].transpose(1, 2, 0), expected, atol=1e-5)


@pytest.mark.parametrize("labels", [("real", "fake"), ("ai-generated",)])
def test_onnx_logits_and_probabilities_say_the_same(
    labels: tuple[str, ...], tmp_path: Path
) -> None:
    image = clouds(3, RED)
    logits = colour_model(tmp_path / "a", labels=labels)
    chances = colour_model(tmp_path / "b", labels=labels, output="chances", gives="probabilities")
    means = preprocess(np.asarray(image), Preprocessing(**SIGHT)).mean((0, 2, 3))
    score = look(logits, image).facts["score"]
    assert score == pytest.approx(2 * (means[0] - means[2]), abs=1e-3)
    assert look(chances.parent, image).facts["score"] == pytest.approx(score, abs=2e-3)


def test_one_label_is_weighed_against_all_others() -> None:
    assert log_odds([1.5], 0) == 1.5
    assert log_odds([2.0, -1.0], 1) == pytest.approx(-3)
    chances = np.exp([0.3, -1.0, 2.0]) / np.exp([0.3, -1.0, 2.0]).sum()
    assert log_odds([0.3, -1.0, 2.0], 2) == pytest.approx(math.log(chances[2] / (1 - chances[2])))


def test_timm_scores_are_those_of_its_own_pipeline(tmp_path: Path) -> None:
    library = timm()
    torch.manual_seed(5)
    model = library.create_model("test_vit", num_classes=2).eval()
    folder = tmp_path / "timm"
    library.models.save_for_hf(
        model, folder, {"label_names": ["real", "ai"]}, safe_serialization=True
    )
    image = clouds(4, RED)
    transform = library.data.create_transform(**library.data.resolve_model_data_config(model))
    with torch.inference_mode():
        real, ai = model(transform(image)[None])[0].tolist()
    assert layout(folder) == "timm"
    assert look(folder, image).facts["score"] == pytest.approx(ai - real, abs=2e-3)


@pytest.mark.parametrize(("side", "resize"), [(224, 256), (384, 440)])
def test_community_forensics_is_seen_as_its_authors_see_it(
    side: int, resize: int, tmp_path: Path
) -> None:
    library, transforms = timm(), importlib.import_module("torchvision.transforms")
    torch.manual_seed(6)
    model = library.create_model(f"vit_tiny_patch16_{side}", num_classes=1).eval()
    save_file(
        {f"vit.{k}": v for k, v in model.state_dict().items()}, tmp_path / "model.safetensors"
    )
    said = {"device": "cpu", "freeze_backbone": False, "input_size": side}
    config = json.dumps(said | {"model_size": "tiny", "patch_size": 16})
    (tmp_path / "config.json").write_text(config)
    image = clouds(5, BLUE, (500, 461))
    mean, std = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    steps = [transforms.Resize(resize), transforms.CenterCrop(side), transforms.ToTensor()]
    transform = transforms.Compose([*steps, transforms.Normalize(mean, std)])
    with torch.inference_mode():
        expected = float(model(transform(image)[None])[0, 0])
    assert layout(tmp_path) == "community-forensics"
    assert look(tmp_path, image).facts["score"] == pytest.approx(expected, abs=2e-3)
    (tmp_path / "config.json").write_text(config.replace(str(side), "500"))
    with pytest.raises(ConfigError, match="known are"):
        Scorer(chosen(tmp_path), "cpu")


# --- what it may say ---


def test_the_catalog_reaches_both_kinds_of_model(tmp_path: Path) -> None:
    assert isinstance(detector({}), ImageModel)
    assert isinstance(detector({"model": str(colour_model(tmp_path))}), ExternalModel)
    assert layout(Path("detectors/image_model")) is None
    (tmp_path / "config.json").write_text("[")
    assert layout(tmp_path) is None


def test_a_model_is_not_judged_before_it_is_calibrated(tmp_path: Path) -> None:
    file = colour_model(tmp_path)
    signal = look(file, clouds(6, RED))
    assert (signal.outcome, signal.log10_lr) == (Outcome.NOT_ASSESSED, None)
    assert signal.reason.code == "image_model.uncalibrated"
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    assert signal.facts["model"] == {"layout": "onnx", "sha256": sha256}
    assert signal.facts["path"] == "full"
    made = ExternalModel({"model": str(file)})
    made.inspect(item(clouds(6, RED)))
    assert made.version == f"onnx+{sha256[:12]}, cpu"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve red pictures labelled `ai` and twelve blue ones labelled `real`, and a plain one."""
    folder = tmp_path_factory.mktemp("pictures")
    for label, tint in (("ai", RED), ("real", BLUE)):
        for at in range(12):
            home = folder / label / f"{label}{at % 3}"
            home.mkdir(parents=True, exist_ok=True)
            clouds(100 + at, tint).save(home / f"{at}.png")
    Image.new("RGB", (240, 200), "red").save(folder / "real" / "real0" / "plain.png")
    return folder


@pytest.fixture(scope="module")
def calibrated(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A calibrated ONNX file."""
    file = colour_model(tmp_path_factory.mktemp("calibrated"))
    (path_report,) = calibrate(data, file, (), lambda _: None, 3.0)
    assert sum(row.assessed for row in path_report.rows) == 24
    assert len(path_report.rows) == 25  # the plain picture is stopped by the gate
    return file


def test_calibration_lets_it_speak(calibrated: Path) -> None:
    names = {path.name for path in calibrated.parent.iterdir()}
    assert names == {"colours.onnx", "colours.json", "provenance.json"}
    found, clear = look(calibrated, clouds(7, RED)), look(calibrated, clouds(7, BLUE))
    assert (found.outcome, found.claim) == (Outcome.FINDING, Claim.AI_GENERATED)
    assert found.log10_lr is not None
    assert 0 < found.log10_lr <= 0.6  # log10(12 / 3)
    assert (clear.outcome, clear.claim) == (Outcome.CLEAR, None)
    beside = external.load_sidecar(
        calibrated.parent, "image_model", "onnx", external.CalibrationSidecar
    )
    assert beside is not None
    assert beside.calibrations["all"].negatives == 12  # copies after deliveries count once
    assert "provenance calibrate image_model" in beside.command


def test_the_gate_of_the_shipped_model_stands_before_it(calibrated: Path) -> None:
    plain = look(calibrated, Image.new("RGB", (240, 200), "red"))
    assert (plain.outcome, plain.reason.code) == (Outcome.NOT_ASSESSED, "image_model.flat")
    assert plain.facts["score"] > 0
    tiny = look(calibrated, clouds(8, RED, (150, 90)))
    assert (tiny.outcome, tiny.reason.code) == (Outcome.NOT_ASSESSED, "image_model.tiny")


def changed(file: Path, folder: Path, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Path:
    """Return a copy of a calibrated model whose provenance.json is changed."""
    shutil.copytree(file.parent, folder)
    path = folder / "provenance.json"
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    return folder / file.name


def test_what_does_not_survive_re_encoding_is_not_used(calibrated: Path, tmp_path: Path) -> None:
    image = clouds(9, RED)
    at = look(calibrated, image).facts["score"]
    scorer = Scorer(chosen(calibrated), "cpu")
    other = min(scorer.after(item(image), how) for how in ("q75", "half"))
    assert other < at  # the colours are a little paler after JPEG

    def sharp(said: dict[str, Any]) -> dict[str, Any]:
        said["calibrations"]["all"] |= {
            "knots": [[at - 0.001, -2.0], [at, 2.0]], "cap": 2.0, "floor": -2.0,
        }  # fmt: skip
        return said

    signal = look(changed(calibrated, tmp_path / "m", sharp), image)
    assert (signal.outcome, signal.reason.code) == (Outcome.NOT_ASSESSED, "image_model.unstable")


def test_a_calibration_holds_for_its_weights_and_their_reading_alone(
    calibrated: Path, tmp_path: Path
) -> None:
    def stopped(file: Path, **options: Any) -> str:
        with pytest.raises(CannotAssess) as found:
            look(file, clouds(7, RED), **options)
        assert found.value.outcome is Outcome.FAILED
        return found.value.reason.code

    weights = changed(calibrated, tmp_path / "w", lambda said: said | {"weights_sha256": "0"})
    assert stopped(weights) == "image_model.other_weights"
    read = Path(shutil.copytree(calibrated.parent, tmp_path / "r")) / calibrated.name
    assert stopped(resaid(read, interpolation="nearest")) == "image_model.other_settings"
    assert stopped(calibrated, ai_label="real") == "image_model.other_settings"
    with read.open("ab") as more:
        more.write(b"\0")
    assert stopped(read) == "image_model.unusable"  # the sidecar names another file
    with pytest.raises(ConfigError, match="its sha256 is"):
        calibrate(tmp_path, read, (), print, 10.0)


def test_a_file_beside_the_model_that_is_no_calibration_is_refused(
    calibrated: Path, tmp_path: Path
) -> None:
    other = changed(
        calibrated, tmp_path / "o", lambda said: said | {"format": "text_model.foreign/1"}
    )
    with pytest.raises(ConfigError, match=r"is not image_model\.foreign/1; calibrate again"):
        ExternalModel({"model": str(other)})
    nothing = changed(calibrated, tmp_path / "n", lambda _: {})
    with pytest.raises(ConfigError, match="calibrate again"):
        ExternalModel({"model": str(nothing)})
    rule = changed(calibrated, tmp_path / "l", lambda said: said | {"rule": "timm"})
    assert look(rule, clouds(7, RED)).reason.code == "image_model.uncalibrated"


def test_a_sample_that_does_not_support_the_threshold_writes_nothing(
    data: Path, tmp_path: Path
) -> None:
    file = colour_model(tmp_path)
    with pytest.raises(ConfigError, match="independent items"):
        calibrate(data, file, (), print, 10.0)
    (tmp_path / "bad" / "real").mkdir(parents=True)
    shutil.copytree(data / "ai", tmp_path / "bad" / "ai")
    for at in range(9):
        (tmp_path / "bad" / "real" / f"{at}.png").write_bytes(b"no picture")
    with pytest.raises(ConfigError, match="cannot be opened as a picture"):
        calibrate(tmp_path / "bad", file, (), lambda _: None, 3.0)
    assert not (tmp_path / "provenance.json").exists()


# --- what is refused ---


@pytest.mark.parametrize(
    ("labels", "said", "ai"),
    [
        (("Realistic", "Deepfake"), None, None),
        (("LABEL_0", "LABEL_1"), None, None),
        (("LABEL_0", "LABEL_1"), "LABEL_1", 1),
        (("LABEL_0", "LABEL_1"), "fake", None),
        (("not AI", "ai"), None, None),
        (("natural", "synthetic"), None, 1),
        (("Fake_image", "real"), None, 0),
        (("real", "midjourney", "dalle"), None, None),
        (("real", "midjourney", "dalle"), "midjourney", 1),
        (("human",), None, None),
        (("deepfake",), None, 0),
        (("a", "a"), "a", None),
    ],
)
def test_labels_are_told_by_their_words_or_by_the_user(
    labels: tuple[str, ...], said: str | None, ai: int | None
) -> None:
    if ai is None:
        with pytest.raises(ConfigError, match=r"config\.json"):
            external.ai_label(labels, "config.json", "", said)
    else:
        assert external.ai_label(labels, "config.json", "", said) == ai


def test_the_user_may_say_which_label_means_ai(tmp_path: Path) -> None:
    folder = vit(tmp_path / "m", {0: "LABEL_0", 1: "LABEL_1"})
    with pytest.raises(ConfigError, match="write ai_label in"):
        ExternalModel({"model": str(folder)})
    one, two = (
        look(folder, clouds(1, RED), ai_label=f"LABEL_{at}").facts["score"] for at in (0, 1)
    )
    assert one == -two != 0


def edited(folder: Path, name: str, file: str, **said: Any) -> Path:
    """Return a copy of a folder with another JSON file."""
    made = Path(shutil.copytree(folder, folder.parent / name))
    (made / file).write_text(json.dumps(json.loads((made / file).read_text()) | said))
    return made


def test_folders_that_are_not_safe_or_whole_are_refused(tmp_path: Path) -> None:
    folder = vit(tmp_path / "whole", {0: "real", 1: "fake"})
    pickled = Path(shutil.copytree(folder, tmp_path / "pickled"))
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    blind = Path(shutil.copytree(folder, tmp_path / "blind"))
    (blind / "preprocessor_config.json").unlink()
    two = colour_model(tmp_path / "two")
    shutil.copy(two, two.with_name("other.onnx"))
    bare = colour_model(tmp_path / "bare")
    bare.with_suffix(".json").unlink()
    flat = colour_model(tmp_path / "flat", resize=8)
    dim = colour_model(tmp_path / "dim", std=[0, 1, 1])
    for model, why in (
        (pickled, "no \\*.safetensors"),
        (blind, "preprocessor_config.json missing"),
        (edited(folder, "coded", "config.json", auto_map={"AutoModel": "x.Y"}), "elsewhere"),
        (edited(folder, "seer", "preprocessor_config.json", auto_map={}), "elsewhere"),
        (edited(folder, "spine", "config.json", use_timm_backbone=True), "timm folder"),
        (edited(folder, "wrapped", "config.json", model_type="timm_wrapper"), "timm folder"),
        (two.parent, "there are colours.onnx, other.onnx"),
        (bare, "NAME.json beside NAME.onnx has to"),
        (flat, "resize not below it"),
        (dim, "std is above 0"),
        (tmp_path / "nowhere.onnx", "there are none"),
    ):
        with pytest.raises(ConfigError, match=why):
            detector({"model": str(model)})
    with pytest.raises(ConfigError, match="use model, device, ai_label"):
        detector({"model": str(folder), "speed": 3})
    with pytest.raises(ConfigError, match="as `provenance train image_model` writes it"):
        detector({"model": str(tmp_path / "nowhere")})


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"architecture": "hf-hub:someone/else"}, "no network of timm's own"),
        ({"pretrained_cfg": None}, "are needed"),
        ({"model_args": {"checkpoint_path": "weights.pt"}}, "from elsewhere"),
        ({"label_names": ["a", "b"]}, "ai_label"),
        ({"label_names": None}, "LABEL_0"),
    ],
)
def test_timm_folders_that_name_what_lies_elsewhere_are_refused(
    said: dict[str, Any], why: str, tmp_path: Path
) -> None:
    config = {"architecture": "resnet18", "num_classes": 2, "pretrained_cfg": {}}
    save_file({"x": torch.zeros(1)}, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(
        json.dumps(config | {"label_names": ["real", "ai"]} | said)
    )
    with pytest.raises(ConfigError, match=why):
        chosen(tmp_path)
    (tmp_path / "model.safetensors").rename(tmp_path / "other.safetensors")
    with pytest.raises(ConfigError, match=r"model\.safetensors missing"):
        chosen(tmp_path)


def test_timm_weights_are_all_loaded_or_refused(tmp_path: Path) -> None:
    library = timm()
    model = library.create_model("test_vit", num_classes=2)
    library.models.save_for_hf(
        model, tmp_path, {"label_names": ["real", "ai"]}, safe_serialization=True
    )
    weights = load_file(tmp_path / "model.safetensors")
    del weights["head.weight"]
    save_file(weights, tmp_path / "model.safetensors")
    with pytest.raises(ConfigError, match="timm cannot load it"):
        Scorer(chosen(tmp_path), "cpu")
    config = {"input_size": 224, "model_size": "small", "patch_size": 16}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ConfigError, match="begin with vit"):
        Scorer(chosen(tmp_path), "cpu")


def test_a_missing_library_is_named_with_its_extra(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"pip install 'provenance-check\[timm\]'"):
        external.needs("no_such_library", "timm")
    save_file({"x": torch.zeros(1)}, tmp_path / "model.safetensors")
    config = {"input_size": 224, "model_size": "small", "patch_size": 16}
    (tmp_path / "config.json").write_text(json.dumps(config))
    try:
        importlib.import_module("timm")
    except ModuleNotFoundError:
        with pytest.raises(ConfigError, match=r"pip install 'provenance-check\[timm\]'"):
            detector({"model": str(tmp_path)})
    except (ImportError, RuntimeError):
        with pytest.raises(ConfigError, match="torchvision of the same build"):
            Scorer(chosen(tmp_path), "cpu")


def test_models_that_cannot_be_asked_say_why_once_an_item(tmp_path: Path) -> None:
    def told(model: Path, **options: Any) -> str:
        with pytest.raises(CannotAssess) as stopped:
            look(model, clouds(1, RED), **options)
        assert stopped.value.reason.code == "image_model.unusable"
        return str(stopped.value.reason.args["error"])

    folder = vit(tmp_path / "m", {0: "real", 1: "fake"})
    weights = load_file(folder / "model.safetensors")
    save_file(
        {k: v for k, v in weights.items() if "classifier" not in k}, folder / "model.safetensors"
    )
    assert "weights are missing: classifier" in told(folder)
    save_file({k: v * math.nan for k, v in weights.items()}, folder / "model.safetensors")
    assert "which is no score" in told(folder)
    (folder / "model.safetensors").write_bytes(b"\x80\x04pickle")
    assert "cannot load it" in told(folder)
    seer = {"image_processor_type": "NoSuchProcessor"}
    (folder / "preprocessor_config.json").write_text(json.dumps(seer))
    assert "preprocessor_config.json" in told(folder)
    three = resaid(colour_model(tmp_path / "three"), labels=["real", "fake", "other"])
    assert "for 3 labels" in told(three, ai_label="fake")
    assert "cannot run it" in told(colour_model(tmp_path / "side", side=32))
    assert "cannot run it" in told(colour_model(tmp_path / "name", output="nothing"))
    broken = colour_model(tmp_path / "broken")
    broken.write_bytes(b"none")
    assert "onnxruntime cannot load it" in told(resaid(broken))
    if not torch.cuda.is_available():
        with pytest.raises(ConfigError, match="onnxruntime has no CUDA"):
            told(colour_model(tmp_path / "gpu"), device="cuda")


def test_weights_in_a_further_file_are_not_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = colour_model(tmp_path)
    onnx.save_model(
        onnx.load(file), file, save_as_external_data=True, size_threshold=0,
        convert_attribute=False, location="more.bin",
    )  # fmt: skip
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="all weights have to lie in it"):
        Scorer(chosen(resaid(file)), "cpu")


def test_the_command_scores_refuses_and_calibrates(
    tmp_path: Path, run: Callable[..., Any], records: Callable[..., list[dict[str, Any]]]
) -> None:
    clouds(7, RED).save(tmp_path / "a.png")
    file, only = colour_model(tmp_path / "m"), ("--only", "image_model", "--fail-on", "never")
    model = ("--model", f"image_model={file}")

    def signal(*named: str) -> dict[str, Any]:
        (record,) = records("check", "a.png", *only, *model, *named)
        (found,) = record["signals"]
        version = record["tool"]["detectors"]["image_model"]
        assert found["facts"]["model"]["sha256"][:12] in version
        return dict(found)

    first = signal()
    assert (first["outcome"], first["log10_lr"]) == ("not_assessed", None)
    resaid(file, labels=["LABEL_0", "LABEL_1"])
    refused = run("check", "a.png", *only, *model)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "ai_label" in refused.stderr
    said = '[detectors.image_model]\nai_label = "LABEL_1"\n'
    (tmp_path / "own.toml").write_text(said)
    assert signal("--config", "own.toml")["facts"]["score"] == first["facts"]["score"]
    resaid(file, labels=["real", "fake"])
    for label, tint in (("ai", RED), ("real", BLUE)):
        (tmp_path / "data" / label).mkdir(parents=True)
        for at in range(6):
            clouds(200 + at, tint).save(tmp_path / "data" / label / f"{at}.png")
    few = tmp_path / "few"
    shutil.copytree(tmp_path / "data", few)
    (few / "ai" / "0.png").unlink()
    fewer = run(
        "calibrate", "image_model", "--data", "few", "--model", "m/colours.onnx", "--threshold", "1"
    )
    assert fewer.returncode == 2
    assert "needs 6 independent items of each label; this sample has 5 (AI)" in fewer.stderr
    done = run(
        "calibrate", "image_model", "--data", "data", "--model", "m/colours.onnx",
        "--threshold", "1",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert signal()["outcome"] == "finding"
