"""Every fixture goes through the command and says what its table says of it."""

import json
import subprocess
import sys
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest

FIXTURES = Path(__file__).parent.parent / "fixtures"
ROOMS = ("documents", "fakes", "marks", "signed", "texts")
TRUTH: dict[str, list[dict[str, Any]]] = {}
for room in ROOMS:
    TRUTH |= tomllib.loads((FIXTURES / f"{room}.toml").read_text("utf-8"))
ROWS = [
    pytest.param(name, row, id=f"{name}-{row['detector']}-{number}")
    for name, rows in TRUTH.items()
    for number, row in enumerate(rows)
]
OF_THE_SIGNAL = ("outcome", "claim", "source", "tier")


@pytest.fixture(scope="session")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Return the record of every fixture, from one run of the command: name → record."""
    home = tmp_path_factory.mktemp("home")
    bank = str(home / "fakes.bank")
    command = [sys.executable, "-m", "provenance"]
    env = {"HOME": str(home), "PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(sys.path)}
    known = str(FIXTURES / "fakes" / "known")
    subprocess.run([*command, "bank", "add", "--bank", bank, known], env=env, check=True)
    scan = [*command, "scan", str(FIXTURES), "--format", "jsonl", "--bank", bank]
    models = "image_model,portrait,text_model"
    done = subprocess.run([*scan, "--without", models], env=env, capture_output=True, check=False)
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
    records = [json.loads(line) for line in done.stdout.splitlines()]
    return {str(Path(r["item"]["uri"]).relative_to(FIXTURES)): r for r in records}


@pytest.mark.parametrize(("name", "row"), ROWS)
def test_a_fixture_says_what_its_table_says(
    spoken: dict[str, dict[str, Any]], name: str, row: dict[str, Any]
) -> None:
    signals = [s for s in spoken[name]["signals"] if s["detector"] == row["detector"]]
    said = [
        {k: s[k] if k in OF_THE_SIGNAL else s["facts"].get(k) for k in row if k != "detector"}
        for s in signals
    ]
    expected = {k: v or None for k, v in row.items() if k != "detector"}
    assert expected in said


def test_no_fixture_is_without_a_row() -> None:
    made = (path for room in ROOMS for path in (FIXTURES / room).rglob("*") if path.is_file())
    names = {str(path.relative_to(FIXTURES)) for path in made}
    support = {name for name in names if "/trust/" in name or name.endswith(".c2pa")}
    assert names - support - set(TRUTH) == set()


def test_every_record_keeps_the_schema(spoken: dict[str, dict[str, Any]]) -> None:
    schema = json.loads(files("provenance.schema").joinpath("record-1.json").read_text("utf-8"))
    validator = jsonschema.Draft202012Validator(schema)
    wrong = [error.message for record in spoken.values() for error in validator.iter_errors(record)]
    assert wrong == []
