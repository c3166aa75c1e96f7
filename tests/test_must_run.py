"""What CI must run is there, and CI fails when it is skipped."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LINES = (ROOT / "tests" / "must_run.txt").read_text("utf-8").splitlines()
NAMES = [line for line in LINES if not line.startswith("#")]
STRACE = "tests/decode/documents/test_sockets.py::test_no_library_opens_one_either"
A_FILE = """
import pytest
pytest.importorskip("no_such_library")
def test_of_a_library(): pass
"""


def pytest_in(root: Path, *args: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    kept = {name: value for name, value in os.environ.items() if name != "CI"}
    command = [sys.executable, "-m", "pytest", "-n0", "-p", "no:cacheprovider", *args]
    return subprocess.run(
        command, cwd=root, env=kept | variables, capture_output=True, text=True, check=False
    )


def test_every_name_of_the_list_is_a_test() -> None:
    for name in NAMES:
        file, _, test = name.partition("::")
        assert f"def {test or 'test_'}" in (ROOT / file).read_text("utf-8"), name


@pytest.mark.parametrize(("where", "code"), [({}, 0), ({"CI": "true"}, 1)], ids=["here", "ci"])
def test_a_skipped_test_of_the_list_fails_in_ci(where: dict[str, str], code: int) -> None:
    done = pytest_in(ROOT, STRACE, PATH="", **where)
    assert done.returncode == code, done.stdout
    assert "strace is not installed" in done.stdout
    assert ("CI must run it" in done.stdout) == bool(code)


def test_so_does_a_skipped_file(tmp_path: Path) -> None:
    tests = tmp_path / "tests"
    tests.mkdir()
    (tests / "must_run.txt").write_text("tests/test_library.py\n")
    (tests / "conftest.py").write_text((ROOT / "tests" / "conftest.py").read_text("utf-8"))
    (tests / "test_library.py").write_text(A_FILE)
    assert pytest_in(tmp_path).returncode == pytest.ExitCode.NO_TESTS_COLLECTED
    done = pytest_in(tmp_path, CI="true")
    assert done.returncode == pytest.ExitCode.INTERRUPTED
    assert "CI must run it" in done.stdout
