"""The connection to a PostgreSQL server, and the tables that this program keeps there."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from detectors.bank.server.address import Address
from detectors.errors import ConfigError, UnavailableError

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.Connection[tuple[Any, ...]]

MIGRATIONS: Final = Path(__file__).parent / "migrations"
MIGRATION_LOCK: Final = 0x70726F76
"""Key of the advisory lock for migrations, one a database; any number that others are unlikely to
use ("prov")."""


def connected(address: Address) -> "Connection":
    """Connect."""
    with translate_errors(address):
        import psycopg

        return psycopg.connect(
            address.url,
            autocommit=True,
            prepare_threshold=None,  # what stands between us and the server may share connections
            client_encoding="utf8",
            fallback_application_name="provenance",
        )


@contextmanager
def translate_errors(address: Address) -> Iterator[None]:
    """Translate the driver's errors into ours, without the password."""
    try:
        import psycopg
    except ImportError:
        raise ConfigError(
            f"{address}: a bank on a server needs psycopg: pip install 'provenance-check[postgres]'"
        ) from None
    try:
        yield
    except psycopg.errors.LockNotAvailable:
        what = f"{address}: another process is writing to this bank"
        raise UnavailableError(what, "try again when it is done") from None
    except psycopg.ProgrammingError as error:  # an option that is none, a right that is missing
        raise ConfigError(f"{address}: {address.silenced(str(error)).strip()}") from None
    except psycopg.Error as error:
        what = f"{address}: {address.silenced(str(error)).strip()}"
        raise UnavailableError(what, "see that the server runs and lets you in") from None


def applied(line: "Connection") -> dict[int, str]:
    """Return number → SHA-256 of the migrations that a database has seen."""
    if line.execute("SELECT to_regclass('provenance.migration')::text").fetchone() == (None,):
        return {}
    rows = line.execute("SELECT number, sha256 FROM provenance.migration").fetchall()
    return msgspec.convert(dict(rows), dict[int, str])


def missing(address: Address, seen: dict[int, str]) -> dict[int, bytes]:
    """Return number → SQL of the migrations that a database has not seen."""
    ours = {int(path.name[:4]): path.read_bytes() for path in sorted(MIGRATIONS.glob("*.sql"))}
    for number, digest in seen.items():
        if number not in ours:
            raise ConfigError(
                f"{address}: its tables are of version {number}; this program knows {max(ours)}. "
                "Install a later one"
            )
        if hashlib.sha256(ours[number]).hexdigest() != digest:
            raise ConfigError(
                f"{address}: the schema `provenance` was made by something else than this program "
                f"(migration {number}); name another database"
            )
    return {number: body for number, body in ours.items() if number not in seen}


def migrate(address: Address, line: "Connection") -> None:
    """Bring the tables to the version of this program, in one transaction.

    Raises:
        ConfigError: they are of a later version, or were changed by something else.
    """
    if not missing(address, applied(line)):
        return
    if line.execute("SHOW server_encoding").fetchone() != ("UTF8",):
        raise ConfigError(f"{address}: the database must be of encoding UTF8")
    with line.transaction():
        line.execute("SELECT pg_advisory_xact_lock(%s)", [MIGRATION_LOCK])
        line.execute("CREATE SCHEMA IF NOT EXISTS provenance")
        line.execute(
            "CREATE TABLE IF NOT EXISTS provenance.migration (number integer PRIMARY KEY,"
            " sha256 text NOT NULL, applied timestamptz NOT NULL DEFAULT now())"
        )
        for number, body in missing(address, applied(line)).items():
            line.execute(body)
            line.execute(
                "INSERT INTO provenance.migration (number, sha256) VALUES (%s, %s)",
                [number, hashlib.sha256(body).hexdigest()],
            )
