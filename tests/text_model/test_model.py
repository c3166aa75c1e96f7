import gzip
import json
import random
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.errors import ConfigError, DamagedError
from detectors.item import Item
from detectors.models.language_model import network
from detectors.models.language_model.features import cache as cache_of_readings
from detectors.models.language_model.features import digest
from detectors.models.language_model.forward import language_model
from detectors.signal import Claim, Outcome, Signal
from detectors.text_model import forward
from detectors.text_model.config import PATHS, load_config
from detectors.text_model.detector import TextModel
from detectors.text_model.features import style
from detectors.text_model.training import train as recipe
from detectors.text_model.training.card import Figures, page
from detectors.text_model.training.evaluate import calibrate, evaluate, parts
from detectors.text_model.training.records import Labelled
from detectors.text_model.training.records import read as labelled

Run = Callable[..., subprocess.CompletedProcess[str]]
PERSON = "well i just think that you know my old dog never did like the rain or a bath"
MODEL = "the overall landscape is a testament to enhanced and multifaceted innovation in it"


N = 28
"""Texts of each source and label: just enough for a calibration, for each is read once."""


def quiet(_: str) -> None:
    """Say nothing."""


def wording(draw: random.Random, words: list[str], n: int) -> str:
    return " ".join(draw.choice(words) for _ in range(n)).capitalize() + "."


def split(path: Path, sources: list[str], n: int) -> None:
    """Texts of two easily told kinds, n of each label and source, one in ten too short to judge."""
    draw = random.Random(path.name)  # noqa: S311 - a test sample
    with gzip.open(path, "wt", encoding="utf-8") as file:
        for source in sources:
            for i in range(2 * n):
                words = MODEL if i % 2 else PERSON
                mixed = (words.split() * 4) + PERSON.split() + MODEL.split()
                row = {
                    "id": f"{source} {i}",
                    "text": wording(draw, mixed, 20 if i // 2 % 10 == 0 else 55),
                    "label": "ai" if i % 2 else "human",
                    "source": source,
                    "domain": "letters",
                    "generator": "ab"[i // 2 % 2] if i % 2 else None,
                    "language": "en",
                    "words": 70,
                    "native": None,
                }
                file.write(json.dumps(row) + "\n")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("texts")
    split(folder / "train.jsonl.gz", ["A-one", "A-two", "B", "ELLIPSE-1"], N)
    split(folder / "dev.jsonl.gz", ["C", "D"], N)
    return folder


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """An empty cache folder, so that readings are made here."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cache")
        patch.setattr("platformdirs.user_cache_path", lambda _: folder)
        yield


@pytest.fixture(scope="module")
def model(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "mine"
    recipe.train(data, folder, (), quiet)
    calibrate(data, folder, (), quiet)
    return folder


def look(model: Path | None, text: str) -> Signal:
    detector = TextModel({} if model is None else {"model": str(model)})
    (signal,) = detector.inspect(Item("a.txt", text.encode))
    return signal


def look_fast(model: Path | None, text: str) -> Signal:
    detector = TextModel({"fast": True} if model is None else {"fast": True, "model": str(model)})
    (signal,) = detector.inspect(Item("a.txt", text.encode))
    return signal


def text_of(words: str, n: int) -> str:
    return wording(random.Random(1), words.split(), n)  # noqa: S311 - a test sample


def test_it_tells_the_two_kinds_of_wording_apart(model: Path) -> None:
    found, clear = look(model, text_of(MODEL, 90)), look(model, text_of(PERSON, 90))
    assert (found.outcome, found.claim) == (Outcome.FINDING, Claim.AI_GENERATED)
    assert (clear.outcome, clear.claim) == (Outcome.CLEAR, None)
    assert found.log10_lr is not None
    assert found.log10_lr == load_config(model).full["en"].log10_lr(found.facts["score"]) > 0
    assert clear.log10_lr is not None
    assert clear.log10_lr <= 0
    assert found.source == clear.source == "text"


def test_the_record_says_which_path_spoke_and_each_has_its_own_calibration(model: Path) -> None:
    text = text_of(MODEL, 90)
    full, fast = look(model, text), look_fast(model, text)
    assert (full.facts["path"], fast.facts["path"]) == ("full", "fast")
    assert full.facts["score"] != fast.facts["score"]
    known = load_config(model)
    assert full.log10_lr == known.full["en"].log10_lr(full.facts["score"])
    assert fast.log10_lr == known.fast["en"].log10_lr(fast.facts["score"])
    assert look(model, "Он сказал, что это не так. " * 20).facts["path"] == "fast"


@given(st.lists(st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ"), min_size=1))
def test_families_are_left_out_whole_and_each_once(families: list[str]) -> None:
    blank = {"text": "", "label": "human", "domain": "letters", "language": "en"}
    texts = [
        msgspec.convert(blank | {"id": str(at), "source": f"{name}-{at}"}, Labelled)
        for at, name in enumerate(families)
    ]
    found = parts(texts)
    assert len(found) == min(len(set(families)), recipe.PARTS)
    assert sorted(name for part in found for name in part) == sorted(set(families))


def test_of_many_texts_of_a_kind_some_are_read(
    data: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recipe, "PEOPLE", 2)
    texts, known = labelled(data, ("train", "dev")), load_config(model)
    assert len(recipe.drawn(texts)) == len(texts) == 336
    for most, by_models in ((6 * 12, 3), (6 * 12 + 5, 3), (6 * 16, 4)):
        monkeypatch.setattr(recipe, "MOST_READ", most)
        seen = recipe.look(texts, known, quiet, recipe.drawn(texts))
        read = Counter((t.source, t.generator) for t in texts if seen[t.id].reading is not None)
        assert {n for (_, generator), n in read.items() if generator} == {by_models}
        assert {n for (_, generator), n in read.items() if not generator} == {2 * by_models}
        assert len(seen) == len(texts)


@pytest.mark.parametrize("n", [0, 1, 49])
def test_short_texts_are_scored_and_never_judged(model: Path, n: int) -> None:
    signal = look(model, text_of(MODEL, n) if n else " \n")
    assert signal.outcome is Outcome.NOT_ASSESSED
    assert signal.log10_lr is None
    assert signal.reason.code == "text_model.too_short"
    assert signal.reason.args == {"words": n, "needs": 50}
    assert isinstance(signal.facts["score"], float)


@pytest.mark.parametrize(
    ("text", "told"), [("Он сказал, что это не так. " * 20, "ru"), ("qrx vwz " * 40, "unknown")]
)
def test_languages_without_a_calibration_are_scored_and_never_judged(
    model: Path, text: str, told: str
) -> None:
    signal = look(model, text)
    assert signal.outcome is Outcome.NOT_ASSESSED
    assert signal.reason.code == "text_model.language"
    assert signal.reason.args == {"language": told, "judged": "en"}
    assert isinstance(signal.facts["score"], float)


def test_layout_does_not_move_the_score(model: Path) -> None:
    text = text_of(MODEL, 80)
    dressed = "# " + text.replace(" a ", " **a** ").replace("is", "is\u200b") + "\r\n"
    assert look(model, dressed).facts == look(model, text).facts


def test_training_repeats_to_the_byte_and_spares_what_a_licence_forbids(
    data: Path, model: Path, tmp_path: Path
) -> None:
    recipe.train(data, tmp_path / "mine", (), quiet)
    weights = "weights.safetensors"
    assert (tmp_path / "mine" / weights).read_bytes() == (model / weights).read_bytes()
    assert load_config(model).sources == ("A-one", "A-two", "B")
    uncalibrated = look(tmp_path / "mine", text_of(MODEL, 80))
    assert uncalibrated.outcome is Outcome.NOT_ASSESSED
    assert uncalibrated.reason.code == "text_model.uncalibrated"


def test_calibration_leaves_sources_out_and_says_what_it_rests_on(model: Path) -> None:
    for english in (load_config(model).full["en"], load_config(model).fast["en"]):
        assert english.negatives == 6 * 25
        assert english.groups["all"] == english.groups["language en"] == 6 * 25
        assert english.command == "provenance calibrate text_model --data texts0 --model mine"


def test_evaluation_writes_figures_and_a_card(data: Path, model: Path) -> None:
    told: list[str] = []
    evaluate(data, model, ("train", "dev"), told.append)
    metrics = json.loads((model / "metrics.json").read_bytes())
    assert {"training without A", "training without B"} <= set(told)
    assert not {"training without C", "training without ELLIPSE"} & set(told)
    assert (metrics["texts"], metrics["judged"]) == (336, 300)
    assert metrics["fast"]["texts"] == 336
    assert metrics["rankings"][0]["auroc"] > 0.9
    assert max(share["reached"] / share["texts"] for share in metrics["accused"]) < 0.05
    card = (model / "card.md").read_text("utf-8")
    assert "provenance evaluate text_model --data texts0 --model mine --split train" in card
    assert card.count("| all | 168 | 168 |") == 2


def test_unseen_splits_are_judged_without_training(data: Path, model: Path) -> None:
    told: list[str] = []
    evaluate(data, model, (), told.append)
    assert not any("training" in line for line in told)


def test_calibrating_and_judging_need_no_torch(
    run: Run, without: Callable[..., dict[str, str]], data: Path, model: Path, tmp_path: Path
) -> None:
    own = Path(shutil.copytree(model, tmp_path / "mine"))
    kept = cache_of_readings()
    copy = Path(shutil.copytree(kept, tmp_path / "cache" / "provenance-check" / kept.name))
    missing = sorted(copy.iterdir())[::40]
    for file in missing:  # are read again, by the engine of `check`
        file.unlink()
    env = {"XDG_CACHE_HOME": str(tmp_path / "cache")} | without("torch")
    given = ("text_model", "--data", data, "--model", own)
    done = run("calibrate", *given, "--threshold", "1", **env)
    assert done.returncode == 0, done.stderr
    assert all(file.exists() for file in missing)
    assert (own / "config.json").read_bytes() == (model / "config.json").read_bytes()
    done = run("evaluate", *given, **env)
    assert done.returncode == 0, done.stderr
    assert (own / "card.md").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"modle": "x"}, "unknown field"),
        ({"device": "tpu"}, "tpu"),
        ({"fast": "yes"}, "bool"),
        ({"model": "no/such/folder"}, "holds no text model"),
    ],
)
def test_options_that_cannot_be_used_are_refused(options: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        TextModel(options)


def test_a_folder_whose_files_do_not_belong_together_is_refused(
    model: Path, tmp_path: Path
) -> None:
    (tmp_path / "config.json").write_bytes((model / "config.json").read_bytes())
    (tmp_path / "weights.safetensors").write_bytes(b"other")
    with pytest.raises(DamagedError, match="not the weights"):
        TextModel({"model": str(tmp_path)})
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ConfigError, match="no configuration"):
        TextModel({"model": str(tmp_path)})


def test_a_model_of_another_language_model_is_refused(model: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(model, tmp_path / "older")
    config = (folder / "config.json").read_text("utf-8")
    (folder / "config.json").write_text(config.replace(digest(), "0" * 64), "utf-8")
    with pytest.raises(ConfigError, match="train again"):
        TextModel({"model": str(folder)})


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "no labelled texts here"),
        (b"plain", "cannot be read"),
        (gzip.compress(b'{"id": "1"}\n'), "train.jsonl.gz:1: no labelled text"),
        (gzip.compress(b""), "texts of both labels"),
    ],
    ids=["nothing", "not packed", "not a text", "empty"],
)
def test_data_that_cannot_be_used_are_refused(
    tmp_path: Path, content: bytes | None, words: str
) -> None:
    if content is not None:
        (tmp_path / "train.jsonl.gz").write_bytes(content)
    with pytest.raises(ConfigError, match=words):
        recipe.train(tmp_path, tmp_path / "out", (), quiet)


def test_the_shipped_model_judges_english_and_loads_no_torch() -> None:
    script = (
        "import sys\nfrom detectors.item import Item\n"
        "from detectors.text_model.detector import TextModel\n"
        "text = b'The harbour was quiet that morning, and we had been there for an hour. ' * 20\n"
        "(signal,) = TextModel({}).inspect(Item('a', lambda: text))\n"
        "print(signal.outcome, signal.facts['language'], 'torch' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    outcome, language, torch = done.stdout.split()
    assert outcome in {"finding", "clear"}
    assert (language, torch) == ("en", "False")


def test_the_shipped_probe_reads_the_shipped_language_model() -> None:
    known = load_config(Path(str(files("detectors.text_model"))))
    assert known.reader_sha256 == digest()
    assert known.languages == ("en",)


def test_both_engines_give_the_same_score() -> None:
    text = "The harbour was quiet that morning, and we had been there for an hour or more. " * 8
    folder = Path(str(files("detectors.text_model")))
    weights, seen = forward.load(folder), forward.see(text, load_config(folder))
    torch = network.read([language_model().tokens(text)], "cpu")
    scores = [
        weights.score(msgspec.structs.replace(seen, reading=reading.ravel()), "full")
        for reading in (forward.read(text, "cpu"), torch)
    ]
    assert abs(scores[0] - scores[1]) < 1e-2


def test_the_fewer_words_the_less_a_full_score_says(model: Path) -> None:
    text = text_of(MODEL, 90)
    weights, seen = forward.load(model), forward.see(text, load_config(model))
    seen = msgspec.structs.replace(seen, reading=forward.read(text, "cpu"))
    sizes = (1, 60, recipe.DAMPING, 500, 10**9)
    full, fast = (
        [weights.score(msgspec.structs.replace(seen, words=n), path) for n in sizes]
        for path in PATHS
    )
    assert full == sorted(full)
    assert full[2] == pytest.approx(full[-1] * 0.5**0.5, abs=2e-3)
    assert len(set(fast)) == 1


def test_a_stated_weight_says_how_much_a_text_teaches(tmp_path: Path) -> None:
    rows = [
        {"id": f"{label}{weight}", "text": PERSON, "label": label, "source": "A", "weight": weight}
        for label in ("human", "ai")
        for weight in (1, 0.25)
    ]
    (tmp_path / "more.jsonl").write_text("\n".join(map(json.dumps, rows)))
    shares = recipe.balance(labelled(tmp_path, ("more",)))
    assert shares.tolist() == pytest.approx([1.6, 0.4, 1.6, 0.4])
    (tmp_path / "more.jsonl").write_text(json.dumps(rows[0] | {"weight": 0}))
    with pytest.raises(ConfigError, match=r"more\.jsonl:1: .*weight"):
        labelled(tmp_path, ("more",))


def test_weights_do_not_depend_on_where_the_probe_starts(data: Path, model: Path) -> None:
    texts = [text for text in labelled(data, ("dev",)) if recipe.may_train(text)]
    seen = recipe.look(texts, load_config(model), quiet, recipe.drawn(texts))
    cold = recipe.fit(texts, seen, load_config(model))
    warm = recipe.fit(texts, seen, load_config(model), forward.load(model))
    one = next(iter(seen.values()))
    assert warm.score(one, "full") == pytest.approx(cold.score(one, "full"), abs=2e-3)


def test_texts_whose_labels_are_wrong_are_passed_over(tmp_path: Path) -> None:
    split(tmp_path / "train.jsonl.gz", ["RAIDAR"], 3)
    assert len(labelled(tmp_path, ("train",))) == 6
    rows = gzip.decompress((tmp_path / "train.jsonl.gz").read_bytes())
    news = rows.replace(b'"letters"', b'"news"', 2)
    (tmp_path / "train.jsonl.gz").write_bytes(gzip.compress(news))
    assert len(labelled(tmp_path, ("train",))) == 4


def test_the_shipped_card_shows_the_shipped_figures() -> None:
    shipped = Path(str(files("detectors.text_model")))
    metrics = msgspec.json.decode((shipped / "metrics.json").read_bytes(), type=Figures)
    assert page(metrics, load_config(shipped)) == (shipped / "card.md").read_text("utf-8")
    people = [share for share in metrics.accused if share.texts >= 100]
    over = {share.name for share in people if share.reached > 0.02 * share.texts}
    assert over <= {"L2R / education"}  # without L2R no essays of commercial writers teach


def test_the_shipped_weights_name_every_source_they_were_gathered_from() -> None:
    folder = files("detectors") / "text_model"
    _, head, *rows = (folder / "sources.tsv").read_text().splitlines()
    at = head.split("\t").index("source")
    named = {row.split("\t")[at] for row in rows}
    learnt = set(load_config(Path(str(folder))).sources)
    assert len(named) > 1
    assert named <= learnt


@pytest.mark.parametrize("tail", [".", "!?", "'", ". '"])
def test_a_tail_of_marks_takes_no_time(tail: str) -> None:
    began = time.process_time()
    style("Words of a text. " * 20 + tail * 60_000)
    assert time.process_time() - began < 2
