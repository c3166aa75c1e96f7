"""What CI must run is there and fails CI when skipped, and tests have no network."""

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
    command = [sys.executable, "-m", "pytest", "-o", "addopts=--import-mode=importlib", *args]
    kept |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # loading them takes longer than the tests
    return subprocess.run(
        [*command, "-p", "no:cacheprovider", "-p", "pytest_timeout"],
        cwd=root, env=kept | variables, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_every_name_of_the_list_is_a_test() -> None:
    for name in NAMES:
        file, _, test = name.partition("::")
        assert f"def {test or 'test_'}" in (ROOT / file).read_text("utf-8"), name


def test_a_skipped_test_of_the_list_fails_in_ci() -> None:
    done = pytest_in(ROOT, STRACE, PATH="", CI="true")
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert "strace is not installed\nCI must run it" in done.stdout


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


SOCKETS = """
import socket
server = socket.create_server(("127.0.0.1", 0))
socket.create_connection(server.getsockname())
print([name for _, name in socket.if_nameindex()])
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="namespaces are Linux's")
def test_a_command_without_network_has_the_loopback_device_alone() -> None:
    command = [ROOT / ".ci" / "offline", sys.executable, "-c", SOCKETS]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "['lo']\n" or done.stderr.startswith("left out: no network namespace")
