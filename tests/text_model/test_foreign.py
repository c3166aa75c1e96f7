"""Models of the user's own are loaded safely, score as published, and speak once calibrated."""

import gzip
import json
import math
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    GPT2Config,
    GPT2LMHeadModel,
    PreTrainedTokenizerFast,
)

from detectors.errors import CannotAssess, ConfigError
from detectors.item import Item
from detectors.signal import Claim, Outcome, Signal
from detectors.text_model.detector import TextModel
from detectors.text_model.external.choice import chosen, is_external
from detectors.text_model.external.detector import ExternalModel, calibrate, detector
from detectors.text_model.external.rules import Scorer, curvature, ratio

SAID = (
    "the of and to in a is that it was for on are with as his they at be this from i have or by "
    "one had not but what all were when we there can an your which their said if do harbour "
    "boat ferry island morning weather silver copper winter summer letter garden window river"
)
WORDS = SAID.split()
HUMAN, AI = ("harbour", "boat", "ferry", "island"), ("silver", "copper", "winter", "summer")


def tokenizer(folder: Path) -> None:
    vocabulary = {word: i for i, word in enumerate(["[PAD]", "[UNK]", *WORDS])}
    made = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))  # noqa: S106 - no secret
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    special = {"pad_token": "[PAD]", "unk_token": "[UNK]"}
    fast = PreTrainedTokenizerFast(tokenizer_object=made, **special)
    fast.save_pretrained(folder)


def speaker(folder: Path, seed: int) -> Path:
    torch.manual_seed(seed)
    config = GPT2Config(
        vocab_size=len(WORDS) + 2, n_positions=64, n_embd=16, n_layer=2, n_head=2,
        initializer_range=0.5, bos_token_id=0, eos_token_id=0,
    )  # fmt: skip
    GPT2LMHeadModel(config).save_pretrained(folder)
    tokenizer(folder)
    return folder


def classifier(folder: Path, labels: dict[int, str]) -> Path:
    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=len(WORDS) + 2, hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=16, max_position_embeddings=64, initializer_range=0.5, id2label=labels,
    )  # fmt: skip
    BertForSequenceClassification(config).save_pretrained(folder)
    tokenizer(folder)
    return folder


def text(words: tuple[str, ...], number: int) -> str:
    """Return sixty words, half of them by the writer."""
    own = [words[(number // 4**place) % 4] for place in range(30)]
    frame = ("the", "of", "and", "to", "in", "a", "is", "that", "it", "was")
    return " ".join(f"{frame[i % 10]} {word}" for i, word in enumerate(own))


def look(options: dict[str, Any], said: str) -> Signal:
    (signal,) = ExternalModel(options).inspect(Item("x.txt", said.encode))
    return signal


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a classifier whose two labels are the right way round for the texts of this file."""
    home = tmp_path_factory.mktemp("classifier")
    made = classifier(home / "a", {0: "Human", 1: "AI-generated"})
    scorer = Scorer(chosen(str(made)), "cpu")
    if scorer.score(text(AI, 0)) < scorer.score(text(HUMAN, 0)):
        made = classifier(home / "b", {0: "AI-generated", 1: "Human"})
    return made


@pytest.fixture
def data(tmp_path: Path) -> Path:
    rows = [
        {
            "id": f"{label}{n}", "text": text(words, n), "label": label, "domain": "d",
            "source": f"{label}{n % 3}", "language": "en",
        }
        for (label, words), n in product((("human", HUMAN), ("ai", AI)), range(150))
    ]  # fmt: skip
    home = tmp_path / "data"
    home.mkdir()
    lines = "\n".join(map(json.dumps, rows))
    (home / "own.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    return home


def test_the_catalog_reaches_both_kinds_of_model(folder: Path) -> None:
    assert isinstance(detector({}), TextModel)
    assert isinstance(detector({"model": str(folder)}), ExternalModel)
    assert not is_external("detectors/text_model")


def test_a_model_is_not_judged_before_it_is_calibrated(folder: Path) -> None:
    signal = look({"model": str(folder)}, text(AI, 5))
    assert (signal.outcome, signal.reason.code) == (
        Outcome.NOT_ASSESSED,
        "text_model.uncalibrated",
    )
    assert signal.log10_lr is None
    assert signal.facts["model"]["rule"] == "classifier"
    assert len(signal.facts["model"]["sha256"]) == 64
    short = look({"model": str(folder)}, "the harbour")
    assert (short.reason.code, "score" in short.facts) == ("text_model.too_short", True)


def test_calibration_lets_it_speak_and_binds_it_to_its_weights(
    folder: Path, data: Path, tmp_path: Path
) -> None:
    import shutil

    own = Path(shutil.copytree(folder, tmp_path / "own"))
    before = {path.name for path in own.iterdir()}
    said: list[str] = []
    calibrate(data, own, (), said.append)
    assert {path.name for path in own.iterdir()} - before == {"provenance.json"}
    found, clear = (look({"model": str(own)}, text(words, 77)) for words in (AI, HUMAN))
    assert (found.outcome, found.claim) == (Outcome.FINDING, Claim.AI_GENERATED)
    assert found.log10_lr is not None
    assert 1 < found.log10_lr <= 1.69  # log10(150 / 3)
    assert clear.outcome is Outcome.CLEAR
    foreign = look({"model": str(own)}, "слово " * 60)
    assert foreign.reason.code == "text_model.language"
    other = Path(shutil.copytree(own, tmp_path / "other"))
    said_there = json.loads((other / "config.json").read_text("utf-8"))
    said_there["id2label"] = dict(
        zip("01", list(said_there["id2label"].values())[::-1], strict=True)
    )
    (other / "config.json").write_text(json.dumps(said_there), "utf-8")
    with pytest.raises(CannotAssess) as turned:
        look({"model": str(other)}, text(AI, 77))
    assert turned.value.reason.code == "text_model.other_settings"
    with (own / "model.safetensors").open("r+b") as weights:
        weights.seek(-1, 2)
        weights.write(b"\1")
    with pytest.raises(CannotAssess) as stopped:
        look({"model": str(own)}, text(AI, 77))
    assert stopped.value.reason.code == "text_model.other_weights"


def test_too_few_texts_calibrate_nothing(folder: Path, data: Path, tmp_path: Path) -> None:
    lines = gzip.decompress((data / "own.jsonl.gz").read_bytes()).splitlines()
    (tmp_path / "few.jsonl.gz").write_bytes(gzip.compress(b"\n".join(lines[:200])))
    with pytest.raises(ConfigError, match="no language has 100"):
        calibrate(tmp_path, folder, ("few",), print)
    assert not (folder / "provenance.json").exists()


def test_curvature_is_the_published_formula() -> None:
    torch.manual_seed(3)
    logits, tokens = torch.randn(5, 7).double(), torch.tensor([0, 6, 3, 3, 1])
    total = mean = variance = 0.0
    for row, token in zip(logits.tolist(), tokens.tolist(), strict=True):
        norm = math.log(sum(map(math.exp, row)))
        logs = [value - norm for value in row]
        expected = sum(math.exp(log) * log for log in logs)
        total, mean = total + logs[token], mean + expected
        variance += sum(math.exp(log) * (log - expected) ** 2 for log in logs)
    assert float(curvature(logits, tokens)) == pytest.approx((total - mean) / math.sqrt(variance))


def test_the_ratio_is_the_published_formula() -> None:
    torch.manual_seed(4)
    observer, performer = torch.randn(4, 6).double(), torch.randn(4, 6).double()
    tokens = torch.tensor([5, 0, 2, 2])
    own = crossed = 0.0
    for seen, spoken, token in zip(
        observer.tolist(), performer.tolist(), tokens.tolist(), strict=True
    ):
        norm, sums = math.log(sum(map(math.exp, spoken))), sum(map(math.exp, seen))
        logs = [value - norm for value in spoken]
        own -= logs[token]
        crossed -= sum(math.exp(a) / sums * b for a, b in zip(seen, logs, strict=True))
    assert float(ratio(observer, performer, tokens)) == pytest.approx(own / crossed)


def test_rules_score_with_real_language_models(tmp_path: Path) -> None:
    one, two = speaker(tmp_path / "one", 1), speaker(tmp_path / "two", 2)
    curved = look({"model": f"fast-detect:{one}"}, text(AI, 9))
    assert curved.reason.code == "text_model.uncalibrated"
    both = look({"model": f"binoculars:{one},{two}"}, text(AI, 9))
    turned = look({"model": f"binoculars:{two},{one}"}, text(AI, 9))
    assert both.facts["score"] < 0
    assert both.facts["score"] != turned.facts["score"]
    assert both.facts["model"]["sha256"] != turned.facts["model"]["sha256"]
    assert look({"model": f"fast-detect:{one}"}, text(AI, 9)) == curved
    assert look({"model": f"fast-detect:{one}"}, "").facts["score"] == 0.0


def test_a_rule_keeps_its_calibration_in_the_first_folder(data: Path, tmp_path: Path) -> None:
    one, two = speaker(tmp_path / "one", 1), speaker(tmp_path / "two", 2)
    calibrate(data, Path(f"binoculars:{one},{two}"), (), lambda _line: None)
    assert (one / "provenance.json").exists()
    assert not (two / "provenance.json").exists()
    assert look({"model": f"binoculars:{one},{two}"}, text(AI, 9)).log10_lr is not None
    other = look({"model": f"fast-detect:{one}"}, text(AI, 9))
    assert other.reason.code == "text_model.uncalibrated"


@pytest.mark.parametrize(
    ("labels", "fine"),
    [
        ({0: "LABEL_0", 1: "LABEL_1"}, False),
        ({0: "human", 1: "not human"}, False),
        ({0: "real", 1: "Fake"}, True),
        ({0: "machine-generated", 1: "human-written"}, True),
        ({0: "ai", 1: "human or ai"}, False),
        ({0: "human", 1: "gpt", 2: "llm"}, False),
    ],
)
def test_labels_that_do_not_say_what_they_mean_are_refused(
    labels: dict[int, str], fine: bool, tmp_path: Path
) -> None:
    made = classifier(tmp_path / "m", labels)
    if fine:
        ExternalModel({"model": str(made)})
    else:
        with pytest.raises(ConfigError, match="id2label"):
            ExternalModel({"model": str(made)})


def test_folders_that_are_not_safe_or_whole_are_refused(folder: Path, tmp_path: Path) -> None:
    import shutil

    def broken(name: str) -> Path:
        return Path(shutil.copytree(folder, tmp_path / name))

    pickled = broken("pickled")
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    coded = broken("coded")
    config = json.loads((coded / "config.json").read_text("utf-8"))
    (coded / "config.json").write_text(json.dumps(config | {"auto_map": {"AutoModel": "x.Y"}}))
    adapted = broken("adapted")
    (adapted / "adapter_config.json").write_text("{}")
    wordless = broken("wordless")
    (wordless / "tokenizer.json").unlink()
    foreign = broken("foreign")
    (foreign / "tokenizer.json").write_text("{}")
    noted = broken("noted")
    (noted / "provenance.json").write_text('{"format": "other"}')
    for model, why in (
        (str(pickled), "safetensors"),
        (str(coded), "elsewhere"),
        (str(adapted), "elsewhere"),
        (str(wordless), "tokenizer.json missing"),
        (f"binoculars:{folder}", "takes 2 folders"),
        (f"binoculars:{folder},{foreign}", "different tokenizers"),
        (str(tmp_path / "nowhere"), "missing"),
        (str(noted), "calibrate again"),
    ):
        with pytest.raises(ConfigError, match=why):
            ExternalModel({"model": model})
    with pytest.raises(ConfigError, match="options are"):
        ExternalModel({"model": str(folder), "speed": 3})


def test_weights_that_are_missing_or_none_are_refused(folder: Path, tmp_path: Path) -> None:
    import shutil

    from safetensors.torch import load_file, save_file

    own = Path(shutil.copytree(folder, tmp_path / "own"))
    weights = load_file(own / "model.safetensors")
    headless = {name: value for name, value in weights.items() if "classifier" not in name}
    save_file(headless, own / "model.safetensors", {"format": "pt"})
    with pytest.raises(ConfigError, match="weights are missing: classifier"):
        Scorer(chosen(str(own)), "cpu")
    lost = {name: value * math.nan for name, value in weights.items()}
    save_file(lost, own / "model.safetensors", {"format": "pt"})
    with pytest.raises(ConfigError, match="no score"):
        Scorer(chosen(str(own)), "cpu").score(text(AI, 0))
    (own / "model.safetensors").write_bytes(b"\x80\x04pickle")
    with pytest.raises(ConfigError, match="cannot load"):
        Scorer(chosen(str(own)), "cpu")
