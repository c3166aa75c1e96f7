"""The plug-in run as users run it: what it judges, and where it says that it does not."""

import json
import random
import re
import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
PACKAGE = Path(__file__).parents[2] / "languages" / "provenance_languages"
CONFIG = json.loads((PACKAGE / "config.json").read_text("utf-8"))
ONLY = ("--only", "text_languages")
TEXTS = tomllib.loads((Path(__file__).parent / "texts.toml").read_text("utf-8"))
PEOPLE, MODELS = TEXTS["people"], TEXTS["models"]
TABLES = ("en.toml", "de.toml")
ARGUMENT = re.compile(r"\{\w+\}")


@pytest.fixture
def look(records: Run, installed: str, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Return a function that checks a text and gives the plug-in's signal."""

    def signal(text: str, *options: str) -> dict[str, Any]:
        (tmp_path / "a.txt").write_text(text, "utf-8")
        (record,) = records("check", "a.txt", *ONLY, *options, PYTHONPATH=installed)
        (found,) = record["signals"]
        return found

    return signal


JUDGED = sorted(CONFIG["calibrations"])


def test_an_assistant_s_prose_is_likelier_a_model_s_and_a_novel_is_not(
    records: Run, installed: str, tmp_path: Path
) -> None:
    for code in JUDGED:
        (tmp_path / f"{code}-ai.txt").write_text(MODELS[code], "utf-8")
        (tmp_path / f"{code}-human.txt").write_text(PEOPLE[code], "utf-8")
    found = records("scan", ".", *ONLY, "--fail-on", "never", PYTHONPATH=installed)
    signals = {Path(each["item"]["uri"]).stem: each["signals"][0] for each in found}
    for code in JUDGED:
        made, written = signals[f"{code}-ai"], signals[f"{code}-human"]
        assert (made["outcome"], made["claim"]) == ("finding", "ai_generated"), code
        assert (made["tier"], made["source"]) == ("statistical", "text")
        assert made["facts"]["language"] == code
        assert (written["outcome"], written["claim"]) == ("clear", None), code
        assert written["log10_lr"] < 0 < made["log10_lr"]


def test_a_language_without_calibration_is_silent_and_its_texts_are_not_read(
    look: Callable[..., dict[str, Any]],
) -> None:
    assert "ja" in CONFIG["silent"]
    signal = look(MODELS["ja"])
    assert (signal["outcome"], signal["log10_lr"]) == ("not_assessed", None)
    args = {"language": "ja", "judged": ", ".join(JUDGED)}
    assert signal["reason"] == {"code": "text_languages.silent", "args": args}
    assert "score" not in signal["facts"]


def test_every_calibration_bears_a_ratio_of_10_and_no_language_is_told_twice() -> None:
    assert JUDGED
    assert not CONFIG["calibrations"].keys() & CONFIG["silent"].keys()
    assert all(one["knots"][-1][1] >= 1 for one in CONFIG["calibrations"].values())


ENGLISH = "The committee met on Tuesday to hear what the repairs had cost and who would pay. " * 6


def test_a_language_that_it_does_not_judge_is_said_by_name(
    look: Callable[..., dict[str, Any]],
) -> None:
    signal = look(ENGLISH)
    assert (signal["outcome"], signal["log10_lr"]) == ("not_assessed", None)
    args = {"language": "en", "judged": ", ".join(JUDGED)}
    assert signal["reason"] == {"code": "text_languages.language", "args": args}
    assert "score" not in signal["facts"]


def test_a_short_text_is_scored_and_not_judged(look: Callable[..., dict[str, Any]]) -> None:
    signal = look(MODELS["zh"][:60])
    assert (signal["outcome"], signal["log10_lr"]) == ("not_assessed", None)
    assert signal["reason"]["code"] == "text_languages.too_short"
    assert isinstance(signal["facts"]["score"], float)


def test_its_sentences_are_shown_and_the_settings_name_its_model(
    run: Run, records: Run, installed: str, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text(ENGLISH, "utf-8")
    shown = " ".join(run("check", "a.txt", *ONLY, PYTHONPATH=installed).stdout.split())
    assert "Not assessed: text languages (this wording" in shown
    german = run("check", "a.txt", "--lang", "de", *ONLY, PYTHONPATH=installed).stdout
    assert "ieser Test der Wortwahl gilt nur für" in " ".join(german.split())
    assert "text_languages" in run("detectors", PYTHONPATH=installed).stdout
    (record,) = records("check", "a.txt", *ONLY, PYTHONPATH=installed)
    digest = CONFIG["weights_sha256"][:12]
    assert record["tool"]["detectors"]["text_languages"] == f"text_languages/1+{digest}, numpy"


def test_a_wrong_option_or_a_damaged_model_ends_the_command(
    run: Run, installed: str, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text(ENGLISH, "utf-8")
    bad = tmp_path / "bad"
    bad.mkdir()
    for name in ("config.json", "weights.safetensors"):
        shutil.copy(PACKAGE / name, bad / name)
    (bad / "weights.safetensors").write_bytes(b"other")
    for key, value, said in (
        ("modle", "bad", "modle"),
        ("model", "nowhere", "nowhere"),
        ("model", "bad", "train again"),
    ):
        (tmp_path / "c.toml").write_text(f'[detectors.text_languages]\n{key} = "{value}"\n')
        done = run("check", "a.txt", "--config", "c.toml", *ONLY, PYTHONPATH=installed)
        assert (done.returncode, done.stdout) == (2, ""), said
        assert said in done.stderr
        assert "Traceback" not in done.stderr


def test_every_sentence_is_there_in_german_too() -> None:
    english, german = (tomllib.loads((PACKAGE / name).read_text("utf-8")) for name in TABLES)
    assert {code: set(ARGUMENT.findall(said)) for code, said in english.items()} == {
        code: set(ARGUMENT.findall(said)) for code, said in german.items()
    }


WORDS = {
    "human": "el perro de la vecina no para en toda la noche y los gatos se le van por un muro",
    "ai": "es importante decir que el uso de la red para los retos del futuro se hace con plan",
}


def sample(label: str, sources: int, generators: int, n: int) -> list[dict[str, Any]]:
    """Return n short texts of each source or generator, three of which differ: each is read."""
    draw, kinds = random.Random(1), sources if label == "human" else generators  # noqa: S311
    words = WORDS[label].split()
    texts = [
        [" ".join(draw.choice(words) for _ in range(52)) + "." for _ in range(3)]
        for _ in range(kinds)
    ]
    return [
        {
            "id": f"{label} {kind} {i}",
            "text": texts[kind][i % 3],
            "label": label,
            "source": f"{label}{kind if label == 'human' else kind % 2}-es",
            "domain": "letters",
            "generator": f"model {kind}" if label == "ai" else None,
            "language": "es",
        }
        for kind in range(kinds)
        for i in range(n)
    ]


def test_a_language_of_few_sources_is_not_trained_on(
    run: Run, installed: str, tmp_path: Path
) -> None:
    rows = sample("human", 3, 0, 40) + sample("ai", 0, 5, 10)
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "all.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    command = ("train", "text_languages", "--data", "texts", "--out", "mine")
    done = run(*command, PYTHONPATH=installed)
    assert done.returncode == 2
    assert "4 families of sources" in done.stderr
    assert not (tmp_path / "mine").exists()


def test_it_is_trained_and_measured_by_the_commands_of_every_detector(
    run: Run, look: Callable[..., dict[str, Any]], installed: str, tmp_path: Path
) -> None:
    rows = sample("human", 4, 0, 40) + sample("ai", 0, 5, 21)
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "all.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    places = ("--data", "texts")
    trained = run("train", "text_languages", *places, "--out", "mine", PYTHONPATH=installed)
    assert trained.returncode == 0, trained.stderr
    (tmp_path / "mine.toml").write_text('[detectors.text_languages]\nmodel = "mine"\n')
    config = ("--config", "mine.toml")
    assert look(rows[0]["text"], *config)["reason"]["code"] == "text_languages.uncalibrated"
    for step in ("calibrate", "evaluate"):
        done = run(step, "text_languages", *places, "--model", "mine", PYTHONPATH=installed)
        assert done.returncode == 0, done.stderr
    person, model = look(rows[0]["text"], *config), look(rows[-1]["text"], *config)
    assert person["log10_lr"] < 0
    assert model["log10_lr"] >= 1
    assert "| es | 160 | 105 | 5 |" in (tmp_path / "mine" / "card.md").read_text("utf-8")


def test_what_is_told_of_the_languages_is_what_the_card_says() -> None:
    card = (PACKAGE / "card.md").read_text("utf-8")
    for code in {*JUDGED, *CONFIG["silent"]}:
        (row,) = [line for line in card.splitlines() if line.startswith(f"| {code} |")]
        assert row.endswith("| yes |") == (code in JUDGED)
    sources = (PACKAGE / "sources.tsv").read_text("utf-8").splitlines()
    named = {line.split("\t")[4] for line in sources if not line.startswith("#")}
    assert set(CONFIG["sources"]) <= named


def test_sentences_and_codes_match() -> None:
    table = tomllib.loads((PACKAGE / "en.toml").read_text("utf-8"))
    code = (PACKAGE / "detector.py").read_text("utf-8")
    for name in (key.removeprefix("text_languages.") for key in table):
        assert f'"{name}"' in code or name in {"likelier", "not_likelier"}
