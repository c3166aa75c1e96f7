"""The folder of a run: its files, its state, and the lock that lets one process write it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from detectors.decode.untrusted import MALFORMED
from detectors.errors import ConfigError
from detectors.storing.atomic import write_json
from detectors.storing.lock import locked
from provenance.engine.child import UNSHARED
from provenance.intake.remote import is_remote
from provenance.runs.lines import RECORDS

FORMAT: Final = "provenance.run/1"
DESCRIPTION, SUMMARY, GROUPS = "run.json", "summary.json", "groups.jsonl"
OWN: Final = "ledger"
"""The folder of what is the program's own."""
LOCK: Final = "lock"
PATIENCE: Final = 0.0
"""Seconds for which another process is waited for."""
State = Literal["running", "interrupted", "complete"]


class Description(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What `run.json` says."""

    format: str
    created: str
    updated: str
    state: State
    sources: list[str]
    settings: dict[str, Any] = {}
    """The canonical settings of the last pass."""
    digest: str = ""
    """SHA-256 of them."""
    deepened: str | None = None
    """What the last pass had further detectors look at: a risk, or `@FILE`."""


class RunFolder:
    """The files of a run."""

    def __init__(self, path: str) -> None:
        """Name the folder; nothing is made yet.

        Raises:
            ConfigError: something else lies there.
        """
        self.path = Path(path)
        self.records, self.summary = self.path / RECORDS, self.path / SUMMARY
        self.groups, self.own = self.path / GROUPS, self.path / OWN
        self.before = self._read()
        """What `run.json` said; None: there was none."""

    def sources(self) -> tuple[str, ...]:
        """Return the sources of the last pass.

        Raises:
            ConfigError: there was none, or one of them is not there.
        """
        if self.before is None:
            raise ConfigError(f"{self.path}: there is no run here yet")
        for source in self.before.sources:
            if not (is_remote(source) or os.path.lexists(source)):
                raise ConfigError(
                    f"{source}: is not there; call this from the folder in which the run was made"
                )
        return tuple(self.before.sources)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Make the folder where it is missing, and be its only writer.

        Raises:
            UnavailableError: another process is; it is named.
            OSError: it cannot be made.
        """
        self.own.mkdir(parents=True, exist_ok=True)
        lock = self.own / LOCK
        busy = f"{self.path}: process {self._writer(lock)} writes this run"
        with locked(lock, busy, PATIENCE) as file:
            file.truncate(0)
            file.write(str(os.getpid()).encode())
            file.flush()
            self.before = self._read()
            UNSHARED.add(file)
            try:
                yield
            finally:
                UNSHARED.discard(file)

    def describe(
        self, state: State, sources: list[str], body: bytes, digest: str, deepened: str | None
    ) -> None:
        """Write `run.json`.

        Args:
            state: of the run.
            sources: as the user named them.
            body: the canonical settings of the pass.
            digest: SHA-256 of them, hex.
            deepened: what further detectors look at; None: everything.

        Raises:
            UnavailableError: it cannot be written.
        """
        now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        write_json(
            self.path / DESCRIPTION,
            Description(
                format=FORMAT,
                created=self.before.created if self.before else now,
                updated=now,
                state=state,
                sources=sources,
                settings=msgspec.json.decode(body),
                digest=digest,
                deepened=deepened,
            ),
        )

    def _writer(self, lock: Path) -> str:
        with suppress(OSError, ValueError):
            return str(int(lock.read_bytes()))
        return "unknown"

    def _read(self) -> Description | None:
        """Read `run.json`.

        Raises:
            ConfigError: something else lies there.
        """
        try:
            found = msgspec.json.decode((self.path / DESCRIPTION).read_bytes(), type=Description)
        except FileNotFoundError:
            if self.path.is_dir() and not self.own.is_dir() and any(self.path.iterdir()):
                raise ConfigError(f"{self.path}: is no run, and not empty; name another") from None
            return None
        except (*MALFORMED, OSError) as error:
            raise ConfigError(f"{self.path / DESCRIPTION}: is of no run: {error}") from error
        if found.format != FORMAT:
            raise ConfigError(f"{self.path}: is of format {found.format!r}, not {FORMAT!r}")
        return found
