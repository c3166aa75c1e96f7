"""A child process is gone when its parent is, whatever it is at."""

import os
import signal
import subprocess
import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from provenance.engine.child import Child
from provenance.engine.interrupt import Interrupted

PARENT = """
import sys, time
from provenance.engine.child import Child

def work(pipe):
    while True:
        {work}

first, second = Child(work), Child(work)
print(first.pid, second.pid, flush=True)
time.sleep(600)
"""


def gone(pid: int, seconds: float) -> bool:
    """Tell whether a process ends in time."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            os.kill(pid, 0)
            if sys.platform.startswith("linux") and " Z " in Path(f"/proc/{pid}/stat").read_text():
                return True  # nobody collects orphans here
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.02)
    return False


@pytest.mark.parametrize("work", ["pass", "time.sleep(600)", "pipe.recv()", "sum(range(10**7))"])
def test_it_ends_with_a_parent_that_is_killed(work: str) -> None:
    code = PARENT.format(work=work)
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        assert parent.stderr is not None
        children = [int(pid) for pid in parent.stdout.readline().split()]
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        assert [gone(pid, 60) for pid in children] == [True, True]
        assert parent.stderr.read() == ""


def test_a_signal_to_the_whole_group_is_the_parents_to_speak_of(
    capfd: pytest.CaptureFixture[str],
) -> None:
    def interrupted(_pipe: Connection) -> None:
        raise Interrupted(signal.SIGINT)  # by the parent's handler, which a child has at first

    child = Child(interrupted)
    assert child.kill(patience=60).code == 1
    assert capfd.readouterr() == ("", "")
