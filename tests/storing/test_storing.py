"""Files of the product appear whole or not at all, and never through a link."""

import os
import signal
import stat
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from detectors.errors import ConfigError, UnavailableError
from detectors.storing.atomic import appearing, appended, atomic_write
from detectors.storing.lock import locked

HOLDER = """
import sys, time
from pathlib import Path
from detectors.storing.lock import locked
with locked(Path(sys.argv[1]), "busy"):
    print("held", flush=True)
    time.sleep(600)
"""
FULL = """
import resource, sys
from pathlib import Path
from detectors.storing.atomic import atomic_write
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
atomic_write(Path(sys.argv[1]), bytes(1000))
"""

FULL_JOURNAL = """
import resource, sys
from pathlib import Path
from detectors.storing.journal import append_to
append_to(Path(sys.argv[1]), b"first\\n")
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
append_to(Path(sys.argv[1]), bytes(1000))
"""


def test_what_cannot_be_appended_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a"
    done = subprocess.run(
        [sys.executable, "-c", FULL_JOURNAL, path], capture_output=True, text=True, check=False
    )
    assert "File too large" in done.stderr
    assert path.read_bytes() == b"first\n"


def test_a_file_is_replaced_whole_and_keeps_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "a"
    atomic_write(path, b"one")
    path.chmod(0o600)
    atomic_write(path, b"two")
    assert path.read_bytes() == b"two"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert names(tmp_path) == ["a"]


def test_what_fails_on_the_way_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a"
    atomic_write(path, b"old")
    with suppress(RuntimeError), appearing(path) as file:
        file.write(b"half")
        raise RuntimeError
    done = subprocess.run(
        [sys.executable, "-c", FULL, path], capture_output=True, text=True, check=False
    )
    assert "cannot be written: File too large" in done.stderr
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["a"]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    victim, link = tmp_path / "victim", tmp_path / "link"
    victim.write_text("keep")
    link.symlink_to(victim)
    with pytest.raises(ConfigError, match="is a link"):
        atomic_write(link, b"new")
    with pytest.raises(ConfigError, match="is a link"), appended(link):
        pass
    assert victim.read_text() == "keep"
    assert names(tmp_path) == ["link", "victim"]


def test_no_device_and_no_pipe_is_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/null"), tmp_path):
        with pytest.raises(ConfigError, match="no regular file"):
            atomic_write(path, b"new")
    with pytest.raises(ConfigError, match="no regular file"), appended(tmp_path / "pipe"):
        pass
    with pytest.raises(UnavailableError, match="No such file"):
        atomic_write(tmp_path / "no" / "a", b"new")


def test_a_lock_ends_with_its_process(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, lock], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(UnavailableError, match="busy"), locked(lock, "busy", 0.1):
            pass
        holder.kill()
    with locked(lock, "somebody", 60):
        assert holder.returncode == -signal.SIGKILL
