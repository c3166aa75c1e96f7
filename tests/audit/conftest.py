"""A log of decisions on posts, made by the command."""

from pathlib import Path

import pytest
from audit_log import Log, Run


@pytest.fixture
def log(run: Run, tmp_path: Path) -> Log:
    made = Log(tmp_path, run)
    done = made.audit("init", "--name", "example.org/wächter", "--key", made.key)
    assert done.returncode == 0, done.stderr
    return made
