"""What earlier versions wrote is read: records, runs, banks, logs, baselines, cases, feeds."""

import json
import shutil
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from provenance.record import Record

FIXTURES = Path(__file__).parent.parent / "fixtures"
ROOM = FIXTURES / "compatibility"
VERSIONS = sorted(path.name for path in ROOM.iterdir())
CHEAP = ("--only", "credentials,metadata,known_fakes,text_marks")
ITEMS = {"ai.jpg": "signed/ai.jpg", "poster.png": "marks/a1111.png",
         "avatar.jpg": "fakes/queries/anna_jpeg.jpg"}  # fmt: skip
DAY_OF_RELEASE = {"0.1.0": "2026-11-30 13:00:00"}
"""On which the feed of a version still holds (UTC)."""
Run = Callable[..., Any]


@pytest.fixture(params=VERSIONS)
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return a copy of what a version wrote, with some of its items."""
    shutil.copytree(ROOM / request.param, folder := tmp_path / request.param)
    (folder / "items").mkdir()
    for name, source in ITEMS.items():
        shutil.copyfile(FIXTURES / source, folder / "items" / name)
    return folder


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_records(old: Path, run: Run) -> None:
    schema = json.loads((files("provenance") / "schema" / "record-1.json").read_text("utf-8"))
    raw = (old / "records.jsonl").read_bytes().splitlines()
    assert len(raw) > 4
    for line in raw:
        jsonschema.Draft202012Validator(schema).validate(json.loads(line))
        assert msgspec.json.decode(line, type=Record).verdict.risk
    page = run("report", "records.jsonl", "--out", "page.html", cwd=old)
    assert page.returncode == 0, page.stderr
    assert "items/poster.png" in (old / "page.html").read_text("utf-8")


def test_a_run_is_reported_and_gone_on_with(old: Path, run: Run) -> None:
    assert run("report", "items.run", cwd=old).returncode == 0
    before = {row["item"]["uri"] for row in lines((old / "items.run/records.jsonl").read_text())}
    done = run("scan", "items", "posts.jsonl", "--out", "items.run", *CHEAP, cwd=old)
    assert done.returncode == 1, done.stderr
    after = {row["item"]["uri"] for row in lines((old / "items.run/records.jsonl").read_text())}
    assert {f"items/{name}" for name in ITEMS} < after
    assert after - {f"items/{name}" for name in ITEMS} <= before


def test_a_bank_matches_and_its_export_is_imported(old: Path, run: Run) -> None:
    assert run("bank", "verify", "--bank", "known.bank", cwd=old).returncode == 0
    look = ("check", "items/avatar.jpg", "--only", "known_fakes", "--format", "jsonl", "--bank")
    (record,) = lines(run(*look, "known.bank", cwd=old).stdout)
    assert record["signals"][0]["facts"]["entry"] == "anna"
    came = run("bank", "import", "--bank", "new.bank", "--as", "jsonl", "known.jsonl", cwd=old)
    assert came.returncode == 0, came.stderr
    assert "anna" in run("bank", "list", "--bank", "new.bank", cwd=old).stdout


def test_a_log_holds_and_is_judged_again(old: Path, run: Run) -> None:
    key = ("--key", "audit.key.pub")
    assert run("audit", "verify", "audit.log", *key, cwd=old).returncode == 0
    assert run("audit", "replay", "audit.log", cwd=old).returncode == 0
    assert run("audit", "check-bundle", "decision.json", *key, cwd=old).returncode == 0


def test_an_accepted_finding_stays_accepted(old: Path, run: Run) -> None:
    look = ("scan", "items/poster.png", "--only", "metadata", "--fail-on", "review")
    assert run(*look, cwd=old).returncode == 1
    assert run(*look, "--baseline", "baseline.json", cwd=old).returncode == 0


def test_a_case_is_shown_and_handed_on(old: Path, run: Run) -> None:
    shown = run("case", "show", "council.case", cwd=old)
    assert shown.returncode == 0, shown.stderr
    done = run("case", "export", "council.case", "--as", "stix", "--out", "case.json", cwd=old)
    assert done.returncode == 0, done.stderr


def test_settings_and_a_policy_are_obeyed(old: Path, run: Run) -> None:
    look = ("check", "items/ai.jpg", "--config", "settings.toml", "--format", "jsonl")
    (record,) = lines(run(*look, cwd=old).stdout)
    assert record["verdict"]["policy"]["name"] == "house"
    assert record["verdict"]["risk"] == "review"
    assert {signal["detector"] for signal in record["signals"]} == {
        "credentials", "metadata", "known_fakes",
    }  # fmt: skip


@pytest.mark.skipif(not shutil.which("faketime"), reason="faketime is not installed")
def test_a_feed_is_followed(old: Path, run: Run) -> None:
    library = next(Path("/usr/lib").glob("**/faketime/libfaketime.so.1"))
    then = {"LD_PRELOAD": str(library), "FAKETIME": f"@{DAY_OF_RELEASE[old.name]}", "TZ": "UTC"}
    root = ("--root", "feed/metadata/1.root.json", "--bank", "followed.bank")
    done = run("feed", "follow", "feed", *root, cwd=old, **then)
    assert done.returncode == 0, done.stderr
    done = run("feed", "update", cwd=old, **then)
    assert done.returncode == 0, done.stderr
    assert "anna" in run("bank", "list", "--bank", "followed.bank", cwd=old).stdout
