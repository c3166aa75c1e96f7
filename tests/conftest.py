"""The command, run as users run it: as a process of its own."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# Shared machines are slow at times; and what CI finds must be found again by whoever looks.
settings.register_profile("shared", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("shared")

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Return a function that runs `provenance` with an empty home, 80 columns and no colour."""

    def command(
        *args: str | Path, stdin: bytes = b"", cwd: Path | None = None, **variables: str
    ) -> "subprocess.CompletedProcess[str]":
        home = tmp_path / "home"
        home.mkdir(exist_ok=True)
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PROVENANCE", "XDG"))}
        env = kept | {"HOME": str(home), "COLUMNS": "80", "NO_COLOR": "1", "PYTHONUTF8": "1"}
        done = subprocess.run(
            [sys.executable, "-m", "provenance", *map(os.fspath, args)],
            input=stdin,
            capture_output=True,
            cwd=cwd or tmp_path,
            env=env | variables,
            timeout=120,
            check=False,
        )
        return subprocess.CompletedProcess(
            done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
        )

    return command


@pytest.fixture
def records(run: Run) -> Callable[..., list[dict[str, Any]]]:
    """Return a function that runs a command with `--format jsonl` and reads its records."""
    import msgspec

    def read(*args: str | Path, **options: Any) -> list[dict[str, Any]]:
        done = run(*args, "--format", "jsonl", **options)
        assert "Traceback" not in done.stderr
        return [msgspec.json.decode(line) for line in done.stdout.splitlines()]

    return read
