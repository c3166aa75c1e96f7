"""A PostgreSQL server of the tests' own, and what lies in a bank."""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from click.testing import CliRunner

from provenance.cli import provenance

WORD = "correct/horse@battery"


class Cluster:
    """A throw-away server on a socket in a folder of its own."""

    def __init__(self, folder: Path, programs: Path) -> None:
        self.folder, self._programs = folder, programs
        self._numbers = count(1)

    def start(self) -> None:
        secret = self.folder / "secret"
        secret.write_text(WORD)
        self._run(
            "initdb", "--pgdata", self.folder / "data", "--username=owner", "--pwfile", secret,
            "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync",
            "--no-instructions",
        )  # fmt: skip
        options = f"-k {self.folder} -c listen_addresses= -c fsync=off -c shared_buffers=16MB"
        self._run(
            "pg_ctl", "start", "-w", "-D", self.folder / "data", "-l", self.folder / "log",
            "-o", options,
        )  # fmt: skip

    def stop(self) -> None:
        self._run("pg_ctl", "stop", "-D", self.folder / "data", "-m", "immediate")

    def _run(self, program: str, *args: str | Path) -> None:
        user = "postgres" if os.geteuid() == 0 else None
        subprocess.run(
            [self._programs / program, *args],
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            cwd=self.folder,
            user=user,
            extra_groups=[] if user else None,
        )

    def url(self, database: str = "postgres", word: str = WORD) -> str:
        socket = quote(str(self.folder), safe="")
        return f"postgresql://owner:{quote(word, safe='')}@/{database}?host={socket}"

    def bank(self, database: str = "postgres") -> str:
        """Return the address of a bank that does not exist yet."""
        return f"{self.url(database)}&bank=b{next(self._numbers)}"

    def database(self) -> str:
        """Make an empty database and give its name."""
        name = f"d{next(self._numbers)}"
        self.sql(f"CREATE DATABASE {name}")
        return name

    def sql(self, *statements: str, database: str = "postgres") -> None:
        with psycopg.connect(self.url(database), autocommit=True) as line:
            for statement in statements:
                line.execute(statement.encode())


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """Yield a running server; skip where PostgreSQL is not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    program = shutil.which("initdb") or (found[-1] if found else None)
    if program is None:
        pytest.skip("PostgreSQL is not installed")
    folder = Path(tempfile.mkdtemp(prefix="pg-"))  # a socket's name must be short
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
    made = Cluster(folder, Path(program).parent)
    made.start()
    try:
        yield made
    finally:
        made.stop()
        shutil.rmtree(folder)


@pytest.fixture
def listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], list[dict[str, Any]]]:
    """Return a function that gives all entries of a bank: `bank list`, in this process."""

    def rows(bank: str) -> list[dict[str, Any]]:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("HOME", str(tmp_path / "home"))
        call = ("bank", "list", "--bank", bank, "--all", "--format", "json")
        done = CliRunner().invoke(provenance, call, catch_exceptions=False)
        assert done.exit_code == 0, done.stderr
        read: list[dict[str, Any]] = json.loads(done.stdout)
        return read

    return rows
