"""What was decided of messages, in a SQLite file that several workers share.

A message that comes again (sent twice, or delivered again since its worker was killed) gets the
decision that was stored, not a second look. Whoever stores first decides: two workers that look at
one message at once answer the same.
"""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from detectors.errors import ConfigError, UnavailableError

PATIENCE: Final = 30.0
"""Seconds for which other workers are waited for."""
HOUR: Final = 3600
SWEEP: Final = 600
"""Seconds between two looks at what is too old to be kept."""
DAY: Final = 86_400
FORMAT: Final = 1
TABLES: Final = """
CREATE TABLE IF NOT EXISTS decision (
    key BLOB PRIMARY KEY, verdict BLOB NOT NULL, time REAL NOT NULL, flagged INTEGER NOT NULL,
    logged INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS decision_time ON decision (time, flagged);
CREATE TABLE IF NOT EXISTS brake (since REAL NOT NULL, released REAL);
"""


class Stored(NamedTuple):
    """A decision that was stored."""

    verdict: bytes
    logged: bool
    """Whether the audit log has it."""


class State:
    """Decisions by the digest of what was decided on. Any thread may call it."""

    def __init__(self, path: Path, keep_days: float = 30) -> None:
        """Open the file, or make it.

        Args:
            path: of the file.
            keep_days: for how long decisions are kept.

        Raises:
            ConfigError: it is no such file, or cannot be made.
        """
        self._path, self._keep = path, keep_days * DAY
        self._lock, self._swept = threading.Lock(), 0.0
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._db = sqlite3.connect(
                path, timeout=PATIENCE, isolation_level=None, check_same_thread=False
            )
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            version = self._db.execute("PRAGMA user_version").fetchone()[0]
            if version not in (0, FORMAT):
                raise ConfigError(f"{path}: made by a later version of this program")
            self._db.executescript(f"BEGIN IMMEDIATE;{TABLES}PRAGMA user_version={FORMAT};COMMIT")
        except (OSError, sqlite3.Error) as error:
            raise ConfigError(f"--state {path}: {error}") from error

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def get(self, key: bytes) -> Stored | None:
        """Return what was decided, None where nothing was.

        Raises:
            UnavailableError: the file cannot be read.
        """
        with self._alone() as db:
            row = db.execute("SELECT verdict, logged FROM decision WHERE key = ?", [key]).fetchone()
        return Stored(row[0], bool(row[1])) if row else None

    def put(self, key: bytes, verdict: bytes, *, flagged: bool) -> Stored:
        """Store a decision, durable when this returns; return it, or the one that was there first.

        Raises:
            UnavailableError: it cannot be written.
        """
        with self._alone() as db:
            db.execute(
                "INSERT OR IGNORE INTO decision VALUES (?, ?, ?, ?, 0)",
                [key, verdict, time.time(), flagged],
            )
            self._sweep(db)
        return self.get(key) or Stored(verdict, logged=False)

    def logged(self, key: bytes) -> None:
        """Note that the audit log has a decision.

        Raises:
            UnavailableError: it cannot be written.
        """
        with self._alone() as db:
            db.execute("UPDATE decision SET logged = 1 WHERE key = ?", [key])

    def last_hour(self) -> tuple[int, int]:
        """Return how many decisions there were in the last hour, and how many of them flag.

        Raises:
            UnavailableError: the file cannot be read.
        """
        with self._alone() as db:
            said = "SELECT COUNT(*), COALESCE(SUM(flagged), 0) FROM decision WHERE time >= ?"
            since = max(time.time() - HOUR, self._released(db))
            count, flagged = db.execute(said, [since]).fetchone()
        return count, flagged

    def pull_brake(self) -> bool:
        """Put the brake on; tell whether it was off.

        Raises:
            UnavailableError: it cannot be written.
        """
        with self._alone() as db:
            db.execute("BEGIN IMMEDIATE")
            off = db.execute("SELECT 1 FROM brake WHERE released IS NULL").fetchone() is None
            if off:
                db.execute("INSERT INTO brake VALUES (?, NULL)", [time.time()])
            db.execute("COMMIT")
        return off

    def brake_is_on(self) -> bool:
        """Tell whether the brake is on.

        Raises:
            UnavailableError: the file cannot be read.
        """
        with self._alone() as db:
            return db.execute("SELECT 1 FROM brake WHERE released IS NULL").fetchone() is not None

    def release_brake(self) -> bool:
        """Take the brake off: what was decided before no longer counts. Tell whether it was on.

        Raises:
            UnavailableError: it cannot be written.
        """
        with self._alone() as db:
            done = db.execute("UPDATE brake SET released = ? WHERE released IS NULL", [time.time()])
            return done.rowcount > 0

    def _released(self, db: sqlite3.Connection) -> float:
        return float(db.execute("SELECT COALESCE(MAX(released), 0) FROM brake").fetchone()[0])

    def _sweep(self, db: sqlite3.Connection) -> None:
        """Forget what is too old."""
        now = time.monotonic()
        if now - self._swept > SWEEP:
            self._swept = now
            db.execute("DELETE FROM decision WHERE time < ?", [time.time() - self._keep])

    @contextmanager
    def _alone(self) -> Iterator[sqlite3.Connection]:
        """Yield the connection to one thread at a time."""
        try:
            with self._lock:
                yield self._db
        except sqlite3.Error as error:
            hint = "see whether its disk is full, or another program holds it"
            raise UnavailableError(f"--state {self._path}: {error}", hint) from error
