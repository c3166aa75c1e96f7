"""OpenCV leaves nothing in the environment of programs that are started later."""

import os
import subprocess
import sys

import pytest

SAYS = "import detectors.hashing.likeness, os; print(os.environ.get('LD_LIBRARY_PATH'))"


@pytest.mark.parametrize("before", [None, "/nowhere/lib"])
def test_libraries_are_looked_for_where_they_were_before(before: str | None) -> None:
    kept = {k: v for k, v in os.environ.items() if k != "LD_LIBRARY_PATH"}
    env = kept | ({} if before is None else {"LD_LIBRARY_PATH": before})
    done = subprocess.run(
        [sys.executable, "-c", SAYS], env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == str(before)
