"""Git checkouts, made by git."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Git = Callable[..., str]
FIXTURES = Path(__file__).parents[2] / "fixtures"


@pytest.fixture
def git(tmp_path: Path) -> Git:
    """Return a function that runs git in a folder, with a person of its own and no settings."""

    def command(folder: Path, *args: str) -> str:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("GIT_", "GITHUB_", "CI_"))}
        who = {
            f"GIT_{role}_{what}": "tester@example.org"
            for role in ("AUTHOR", "COMMITTER")
            for what in ("NAME", "EMAIL")
        }
        env = kept | who | {"GIT_CONFIG_GLOBAL": os.devnull, "HOME": str(tmp_path)}
        done = subprocess.run(
            ["git", "-C", folder, *args], capture_output=True, text=True, check=True, env=env
        )
        return done.stdout.strip()

    return command


@pytest.fixture
def put() -> Callable[[Path, str], None]:
    """Return a function that copies a fixture to a path."""

    def copy(path: Path, name: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes((FIXTURES / name).read_bytes())

    return copy
