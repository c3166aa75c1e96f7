"""`provenance calibrate` on labelled data of one's own, and the page that shows it."""

import gzip
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
ROOT = Path(__file__).parent.parent.parent
LETTERS = ROOT / "fixtures" / "letters"


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """Return a folder with letters.jsonl.gz and a classifier of the user's own."""
    return Path(shutil.copytree(LETTERS, tmp_path / "own"))


def texts() -> list[dict[str, Any]]:
    return [json.loads(row) for row in gzip.open(LETTERS / "letters.jsonl.gz", "rt")]


def test_the_page_shows_what_the_command_prints(run: Run, own: Path) -> None:
    page = (ROOT / "docs" / "calibrate.md").read_text("utf-8")
    found = re.search(r"```\n\$ provenance (calibrate [^\n]*)\n(.*?)```", page, re.DOTALL)
    assert found is not None
    done = run(*found[1].split(), cwd=own)
    assert done.returncode == 0, done.stderr
    assert max(map(len, done.stdout.splitlines())) <= 80
    # numbers may differ in a last digit between machines
    words = [re.findall(r"[a-zA-Z]{3,}", text) for text in (found[2], done.stdout)]
    assert words[0] == words[1]
    assert (own / "classifier" / "provenance.json").exists()


def test_a_threshold_beyond_the_sample_is_refused_before_anything_is_scored_or_written(
    run: Run, own: Path
) -> None:
    data = ("--data", "letters.jsonl.gz", "--model", "classifier")
    done = run("calibrate", "text_model", *data, "--threshold", "1000", cwd=own)
    assert (done.returncode, done.stdout) == (2, "")
    assert "needs 3000 independent items that are not AI" in done.stderr
    assert "use --threshold 109 or less" in done.stderr
    assert "scored" not in done.stderr
    assert not (own / "classifier" / "provenance.json").exists()


def test_json_gives_each_group_its_rates_and_each_prevalence_its_share(run: Run, own: Path) -> None:
    folder = own / "labelled"
    for number, row in enumerate(texts()):
        name = "ai" if row["label"] == "ai" else "human"
        path = folder / name / row["source"] / f"{number}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(row["text"], "utf-8")
    options = ("--format", "json", "--prevalence", "0.02", "--threshold", "20")
    data = ("--data", "labelled", "--model", "classifier")
    done = run("calibrate", "text_model", *data, *options, cwd=own)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["data"], said["threshold"]) == ("labelled", 20.0)
    groups = {(group["by"], group["name"]): group for group in said["ways"][0]["groups"]}
    assert {name for by, name in groups if by == "source"} == {row["source"] for row in texts()}
    whole = groups["all", "all"]
    assert (whole["negatives"], whole["positives"]) == (400, 400)
    for flagged in whole["flagged"]:
        assert flagged["false_positives"]["low"] <= flagged["false_positives"]["high"] < 0.3
        assert [each["prevalence"] for each in flagged["precision"]] == [0.02]
    assert said["ways"][0]["limits"][0]["left_out"] == "source"


def test_a_model_of_another_names_the_extra_that_brings_torch(
    run: Run, without: Callable[..., dict[str, str]], own: Path
) -> None:
    data = ("--data", "letters.jsonl.gz", "--model", "classifier")
    done = run("calibrate", "text_model", *data, cwd=own, **without("torch"))
    assert (done.returncode, done.stdout) == (2, "")
    assert "pip install 'provenance-check[transformers]' (torch is not installed)" in done.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--threshold", "0.5"), "threshold"),
        (("--prevalence", "1"), "prevalence"),
        (("--ai-label", "fake"), "--ai-label: text_model takes none"),
        (("--data", "nowhere.jsonl"), "nowhere.jsonl"),
    ],
)
def test_options_out_of_their_range_are_refused(
    run: Run, own: Path, options: tuple[str, ...], words: str
) -> None:
    data = ("--data", "letters.jsonl.gz", "--model", "classifier")
    done = run("calibrate", "text_model", *data, *options, cwd=own)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
