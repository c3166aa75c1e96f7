"""The command as a whole: what it imports, how it fails, what it exits with."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]

HEAVY = ("torch", "numpy", "PIL", "rich", "msgspec")


def imported(code: str) -> set[str]:
    """Return the top-level modules that are loaded after running some code."""
    script = (
        f"import sys\ntry:\n {code}\nexcept SystemExit: pass\nprint(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return {name.partition(".")[0] for name in done.stderr.split()}


def test_help_loads_nothing_heavy() -> None:
    loaded = imported("from provenance.cli import provenance; provenance(['--help'])")
    assert loaded.isdisjoint(HEAVY)


def test_text_marks_load_nothing_heavy(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Some words by someone.")
    code = (
        "from provenance.engine.check import Engine;"
        " from provenance.engine.config import configure;"
        " from provenance.intake import files; from detectors.catalog import catalog;"
        " e = Engine(configure(catalog(), today='2026-11-24', only=['text_marks']));"
        f" e.check(files.item({str(tmp_path / 'a.txt')!r}, follow=True))"
    )
    assert imported(code).isdisjoint({"torch", "numpy", "PIL", "c2pa"})


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["check", "a.txt", "--only", "text_mark"], "did you mean 'text_marks'?"),
        (["check", "a.txt", "--policy", "nosuch"], "neither a built-in policy"),
        (["check", "a.txt", "--format", "yaml"], "Invalid value for '--format'"),
        (["check", "a.txt", "--model", "image_model"], "write DETECTOR=PATH"),
        (["check", "a.txt", "--model", "image_model=/nowhere"], "image_model"),
        (["check", "a.txt", "--bank", "nowhere.bank"], "nowhere.bank"),
        (["check", "."], "use `provenance scan`"),
        (["check"], "Missing argument"),
        (["train", "metadata", "--data", ".", "--out", "x"], "has no model"),
        (["nothing"], "No such command"),
    ],
)
def test_what_is_written_wrongly_is_said_and_nothing_checked(
    run: Run, tmp_path: Path, args: list[str], said: str
) -> None:
    (tmp_path / "a.txt").write_text("words")
    done = run(*args)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


def test_exit_codes(run: Run, tmp_path: Path) -> None:
    (tmp_path / "plain.txt").write_text("Some words by someone.")
    (tmp_path / "residue.txt").write_text(
        "As an AI language model, I cannot write this for you. I hope this helps."
    )
    only = ("--only", "text_marks")
    assert run("check", "plain.txt", *only).returncode == 0
    assert run("check", "residue.txt", *only, "--fail-on", "review").returncode == 1
    assert run("check", "residue.txt", *only, "--fail-on", "never").returncode == 0
    missing = run("check", "plain.txt", "missing.txt", *only)
    assert missing.returncode == 3
    assert "missing.txt" in missing.stderr


def test_an_empty_folder_is_no_error(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = run("scan", "empty", "--format", "jsonl")
    assert (done.returncode, done.stdout) == (0, "")
    assert "nothing was checked" in done.stderr


def test_order_and_workers_change_nothing(records: Run, tmp_path: Path) -> None:
    for i in range(12):
        (tmp_path / f"{i}.txt").write_text(f"Text number {i}. " * 20)
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    runs = [records("scan", tmp_path, "--only", "text_marks,metadata", "--jobs", n) for n in "13"]
    for run_of in runs:
        for record in run_of:
            record.pop("elapsed_ms")
    assert runs[0] == runs[1]


def test_a_reader_that_goes_away_ends_the_run_quietly(tmp_path: Path) -> None:
    for i in range(50):
        (tmp_path / f"{i}.txt").write_text("words " * 2000)
    command = [sys.executable, "-m", "provenance", "scan", "--format", "jsonl"]
    with subprocess.Popen(
        [*command, "--only", "text_marks", str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert b"Traceback" not in process.stderr.read()


COMPLETED = {
    "ch": {"check"},
    "bank with": {"withdraw"},
    "check --fail-on re": {"review"},
    "scan --form": {"--format"},
    "check --lang d": {"de"},
    "check --policy news": {"newsroom"},
    "scan --only credentials,meta": {"credentials,metadata"},
    "scan --model text_mo": {"text_model="},
}


def test_bash_completes_commands_options_and_values(run: Run, tmp_path: Path) -> None:
    (tmp_path / "completion").write_text(run("completion", "bash").stdout)
    (tmp_path / "provenance").write_text(f'#!/bin/sh\nexec {sys.executable} -m provenance "$@"\n')
    (tmp_path / "provenance").chmod(0o755)
    for line, said in COMPLETED.items():
        words = ["provenance", *line.split()]
        script = (
            f"source {tmp_path}/completion; COMP_WORDS=({' '.join(words)});"
            f" COMP_CWORD={len(words) - 1}; _provenance_completion {tmp_path}/provenance;"
            ' echo "${COMPREPLY[@]}"'
        )
        done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
        assert set(done.stdout.split()) == said, done.stderr


@pytest.mark.parametrize(("shell", "begins"), [("zsh", "#compdef"), ("fish", "function")])
def test_the_other_shells_ask_the_command_too(run: Run, shell: str, begins: str) -> None:
    script = run("completion", shell).stdout
    assert script.strip().startswith(begins)
    assert f"_PROVENANCE_COMPLETE={shell}_complete" in script
