"""Plug-ins, installed for real: good ones run, broken ones are heard, none replaces a built-in."""

import ast
import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import provenance
from detectors.catalog import BUILT_IN

Run = Callable[..., Any]
SOURCE = Path(__file__).parent / "stock_faces"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a folder into which pip has installed the example plug-in."""
    folder = tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    offline = ["--no-deps", "--no-index", "--no-build-isolation"]
    subprocess.run([*pip, *offline, "--target", str(folder), str(SOURCE)], check=True)
    return os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "a.png"
    Image.linear_gradient("L").save(path)
    return path


def test_a_good_one_runs_with_its_options(
    records: Run, installed: str, picture: Path, tmp_path: Path
) -> None:
    digest = hashlib.sha256(picture.read_bytes()).hexdigest()
    (tmp_path / "provenance.toml").write_text(f'[detectors.stock_faces]\nknown = ["{digest}"]\n')
    named = ("--config", "provenance.toml")
    (record,) = records("check", picture, *named, "--only", "stock_faces", PYTHONPATH=installed)
    (signal,) = record["signals"]
    assert (signal["outcome"], signal["claim"]) == ("finding", "known_innocent")
    assert record["tool"]["detectors"] == {"stock_faces": "1.0"}


def test_it_takes_the_banks_and_the_day_that_its_spec_names(
    run: Run, records: Run, installed: str, picture: Path
) -> None:
    added = run("bank", "add", "--bank", "stock.bank", picture)
    assert added.returncode == 0, added.stderr
    only = ("--only", "stock_faces", "--bank", "stock.bank")
    (record,) = records("check", picture, *only, PYTHONPATH=installed)
    (signal,) = record["signals"]
    assert (signal["outcome"], signal["facts"]["days"]) == ("finding", 0)
    (without,) = records("check", picture, "--only", "stock_faces", PYTHONPATH=installed)
    assert without["tool"]["settings"] != record["tool"]["settings"]


def test_a_spec_that_takes_what_there_is_not_is_heard(
    run: Run, installed: str, tmp_path: Path
) -> None:
    folder = tmp_path / "greedy"
    (folder / "greedy-1.dist-info").mkdir(parents=True)
    (folder / "greedy-1.dist-info" / "METADATA").write_text("Name: greedy\nVersion: 1\n")
    (folder / "greedy-1.dist-info" / "entry_points.txt").write_text(
        "[provenance.detectors]\ngreedy = greedy:SPEC\n"
    )
    (folder / "greedy.py").write_text(
        "from msgspec.structs import replace\nfrom stock_faces import SPEC as OTHER\n"
        "SPEC = replace(OTHER, name='greedy', takes=('password',))\n"
    )
    shown = run("detectors", PYTHONPATH=f"{folder}{os.pathsep}{installed}").stdout
    said = "takes 'password'; there are device, banks, today, trust_lists, fast"
    assert said in " ".join(shown.split())


def test_its_sentences_are_shown(run: Run, installed: str, picture: Path) -> None:
    done = run("check", picture, "--only", "stock_faces", PYTHONPATH=installed)
    assert "Not in the stock collection." in done.stdout


def test_its_options_are_refused_with_the_key(run: Run, installed: str, tmp_path: Path) -> None:
    (tmp_path / "provenance.toml").write_text("[detectors.stock_faces]\nknow = []\n")
    named = ("--config", "provenance.toml")
    done = run("check", "x.png", *named, "--only", "stock_faces", PYTHONPATH=installed)
    assert (done.returncode, done.stdout) == (2, "")
    assert "know" in done.stderr


def test_a_broken_one_is_heard_with_every_item(
    run: Run, records: Run, installed: str, picture: Path
) -> None:
    (record,) = records("check", picture, "--only", "stock_missing", PYTHONPATH=installed)
    (signal,) = record["signals"]
    assert (signal["outcome"], signal["reason"]["code"]) == ("failed", "engine.not_loaded")
    done = run("check", picture, "--only", "stock_missing", PYTHONPATH=installed)
    assert done.returncode == 3
    assert "stock_missing" in done.stderr
    assert "cannot be loaded" in run("detectors", PYTHONPATH=installed).stdout


def test_none_takes_the_name_of_a_built_in(run: Run, installed: str) -> None:
    shown = run("detectors", "--format", "json", PYTHONPATH=installed).stdout
    assert shown.count('"name": "text_marks"') == 1
    assert "Assistant residue" in shown


def test_the_upper_package_names_no_detector() -> None:
    names = {spec.name for spec in BUILT_IN}
    named = {
        (path.name, node.lineno, node.value)
        for path in Path(provenance.__file__).parent.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant) and node.value in names
    }
    named = {(file, name) for file, _, name in named}
    named -= {("doctor.py", "watermarks"), ("pictures.py", "portrait")}  # an extra; whose eyes
    assert not named  # what takes what, its line of the catalog says; kinds of evidence, their tier
