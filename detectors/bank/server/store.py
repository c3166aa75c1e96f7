"""A bank on a PostgreSQL server, for several writers and readers at once.

The same change log as in a folder: each change is the whole entry with its digest, and the last one
of an id counts. A change gets the next number of its bank under the lock of the bank's row, in the
transaction that writes it; who holds all changes up to a number asks for those above it. A writer
that meets a change it had not seen writes nothing.
"""

import os
import weakref
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec

from detectors.bank.entry import CHECK, Entry, History, Local, check_hashes, digest
from detectors.bank.server.address import Address
from detectors.bank.server.connection import applied, connected, migrate, missing, translate_errors
from detectors.errors import ConfigError, DamagedError, UnavailableError

if TYPE_CHECKING:
    from typing import LiteralString

    Query = LiteralString
    from detectors.bank.server.connection import Connection

T = TypeVar("T")
LOCK_TIMEOUT: Final = "10s"
PAGE: Final = 5000
"""Changes that are read at once."""
RESTORE: Final = "restore the database from a copy"
"""What to do about a damaged bank."""


class ServerBank:
    """The entries of a bank as they stood at the last `refresh`."""

    def __init__(self, address: Address) -> None:
        """Read all changes.

        Raises:
            ConfigError: the server or the bank cannot be used, or a change is damaged.
        """
        self.path = address
        self.name = address.bank
        self.entries: dict[str, Entry] = {}
        """Id → entry, withdrawn ones too, in the order in which they came."""
        self._made: dict[str, int] = {}
        """Id → number of the change that made it, in the same order."""
        self._changed = ""
        self.changes = 0
        """Number of the last change that was read."""
        self._heads: dict[int, bytes] = {}
        self._heads_until = 0
        self._line: Connection | None = None
        self._owner = 0
        self.number, created = _registered(self)
        self.id = f"{self.name} {created}"
        self.refresh()

    def refresh(self) -> list[Entry]:
        """Read what was changed since, and give it.

        Raises:
            ConfigError: the server cannot be asked, or a change is damaged.
        """
        changed: list[Entry] = []
        while page := self.read(
            list[tuple[int, str, str]],
            "SELECT seq, entry, digest FROM provenance.change WHERE bank = %s AND seq > %s"
            " ORDER BY seq LIMIT %s",
            self.number, self.changes, PAGE,
        ):  # fmt: skip
            changed += self.take(page)
            if len(page) < PAGE:
                break
        return changed

    def take(self, page: Iterable[tuple[int, str, str]]) -> list[Entry]:
        """Take changes that follow the last one read, and give their entries."""
        done = []
        for seq, body, check in page:
            if seq != self.changes + 1 or digest(body.encode()) != check:
                raise DamagedError(
                    f"{self.path}: change {self.changes + 1} is damaged or lost", RESTORE
                )
            entry = _sound(self.path, seq, body)
            self.entries[entry.id] = entry
            self._made.setdefault(entry.id, seq)
            self._changed = entry.modified
            self.changes = seq
            done.append(entry)
        return done

    def history(self) -> History:
        """Return which change made each entry."""
        import numpy as np

        return History(np.fromiter(self._made.values(), np.int64), self._changed)

    def features(self, entry: Entry) -> bytes | None:
        """Return the local features of an entry; None where it has none or they are damaged."""
        if entry.local is None:
            return None
        found = self.read(
            list[tuple[bytes]],
            "SELECT block FROM provenance.feature WHERE bank = %s AND seq = %s",
            self.number, entry.local.at,
        )  # fmt: skip
        block = found[0][0] if found else b""
        return block if digest(block) == entry.local.sha256 else None

    def head(self, entry: Entry, length: int) -> memoryview:
        """Return the first bytes of an entry's features unchecked, empty where it has none.

        All heads are read at the first call, later only those of later changes.
        """
        if entry.local is None:
            return memoryview(b"")
        while self._heads_until < self.changes:
            until = min(self._heads_until + PAGE, self.changes)
            self._heads.update(
                self.read(
                    list[tuple[int, bytes]],
                    "SELECT seq, substring(block FROM 1 FOR %s) FROM provenance.feature"
                    " WHERE bank = %s AND seq > %s AND seq <= %s",
                    length, self.number, self._heads_until, until,
                )
            )  # fmt: skip
            self._heads_until = until
        return memoryview(self._heads.get(entry.local.at, b""))[:length]

    def read(self, kind: type[T], query: "Query", *values: Any) -> T:
        """Read the rows of a query, of the types that are named.

        A connection that was lost is made anew once.

        Raises:
            ConfigError: the server cannot be asked.
        """
        import psycopg

        with translate_errors(self.path):
            try:
                rows = self.line().execute(query, values, binary=True).fetchall()
            except psycopg.OperationalError:
                self.close()
                rows = self.line().execute(query, values, binary=True).fetchall()
        try:
            return msgspec.convert(rows, kind)
        except msgspec.ValidationError as error:
            what = f"{self.path}: its tables hold what they may not: {error}"
            raise DamagedError(what, RESTORE) from error

    def line(self) -> "Connection":
        """Return the connection of this process: one that was made before a fork is not ours."""
        if self._line is None or self._owner != os.getpid():
            self._line, self._owner = connected(self.path), os.getpid()
            weakref.finalize(self, self._line.close)
        return self._line

    def close(self) -> None:
        """Let go of the connection; the next question makes another."""
        if self._line is not None and self._owner == os.getpid():
            self._line.close()
        self._line = None


class ServerWriter:
    """Adds changes to a bank; `commit` returns when the server has all that was put."""

    def __init__(self, bank: ServerBank) -> None:
        self.bank = bank
        self.pending: list[Entry] = []
        self._blocks: dict[int, bytes] = {}

    def put(self, entry: Entry, features: bytes | None = None) -> None:
        """Take an entry, new or changed; features replace what it had.

        Raises:
            ConfigError: one of its hashes cannot be one.
        """
        check_hashes(entry)
        if features is not None:
            self._blocks[len(self.pending)] = features
        self.pending.append(entry)

    def commit(self, *, whole: bool = True) -> list[Entry]:  # noqa: ARG002 - it always is
        """Write what was put, all or nothing, and give it once it is safe.

        An entry that another process has added meanwhile from the same bytes is left out.

        Raises:
            ConfigError: another process has changed one of the entries; nothing was written.
        """
        put = [(entry, self._blocks.get(number)) for number, entry in enumerate(self.pending)]
        self.pending, self._blocks = [], {}
        if not put:
            return []
        line = self.bank.line()
        with translate_errors(self.bank.path), line.transaction():
            line.execute("SELECT set_config('lock_timeout', %s, true)", [LOCK_TIMEOUT])
            line.execute(
                "SELECT FROM provenance.bank WHERE number = %s FOR UPDATE", [self.bank.number]
            )
            known = {entry.id for entry, _ in put if entry.id in self.bank.entries}
            met = {entry.id for entry in self.bank.refresh()}
            kept = [pair for pair in put if not self._there(pair[0], known, met)]
            rows = _rows(kept, self.bank.changes)
            _written(line, self.bank.number, rows, self.bank.entries)
        self.bank.take((seq, body, digest(body.encode())) for seq, _, body, _ in rows)
        return [entry for _, entry, _, _ in rows]

    def _there(self, entry: Entry, known: set[str], met: set[str]) -> bool:
        """Tell whether another process has added the entry since we looked."""
        if entry.id not in met:
            return False
        now = self.bank.entries[entry.id]
        if entry.id not in known and entry.sha256 is not None and now.sha256 == entry.sha256:
            return True
        raise UnavailableError(
            f"{self.bank.path}: another process has changed the entry {entry.id!r} meanwhile",
            "nothing of this batch was written. Run the command again",
        )


def create(address: Address, now: str) -> None:
    """Make an empty bank, and the tables, where there are none; an existing one stays as it is.

    Raises:
        ConfigError: the server cannot be used, or its tables are of another version.
    """
    with translate_errors(address), connected(address) as line:
        migrate(address, line)
        if line.execute("SELECT FROM provenance.bank WHERE name = %s", [address.bank]).fetchall():
            return  # who writes to a bank need not have the right to make one
        line.execute(
            "INSERT INTO provenance.bank (name, created) VALUES (%s, %s)"
            " ON CONFLICT (name) DO NOTHING",
            [address.bank, now],
        )


@contextmanager
def writing(address: Address) -> Iterator[ServerWriter]:
    """Open a bank to write to it, beside other writers.

    Raises:
        ConfigError: it cannot be used.
    """
    bank = ServerBank(address)
    try:
        yield ServerWriter(bank)
    finally:
        bank.close()


def exists(address: Address) -> bool:
    """Tell whether there is such a bank.

    Raises:
        ConfigError: the server cannot be used.
    """
    with translate_errors(address), connected(address) as line:
        return bool(applied(line)) and bool(
            line.execute("SELECT FROM provenance.bank WHERE name = %s", [address.bank]).fetchall()
        )


def damage(address: Address) -> list[str]:
    """Return what is wrong with a bank, in words; empty where every change and feature holds.

    Raises:
        ConfigError: there is no such bank.
    """
    try:
        bank = ServerBank(address)
    except DamagedError as error:
        return [str(error)]
    blocks = bank.read(
        list[tuple[int, str]],
        "SELECT seq, left(encode(sha256(block), 'hex'), %s) FROM provenance.feature"
        " WHERE bank = %s",
        CHECK, bank.number,
    )  # fmt: skip
    whole = set(blocks)
    found = [
        f"{name}: its local features are damaged; add the picture again"
        for name, entry in bank.entries.items()
        if entry.local is not None and (entry.local.at, entry.local.sha256) not in whole
    ]
    bank.close()
    return found


def size(address: Address) -> int:
    """Return the bytes of a bank's changes and features."""
    bank = ServerBank(address)
    rows = bank.read(
        list[tuple[int]],
        "SELECT (SELECT coalesce(sum(octet_length(entry)), 0) FROM provenance.change"
        " WHERE bank = %s)::bigint + (SELECT coalesce(sum(octet_length(block)), 0)"
        " FROM provenance.feature WHERE bank = %s)::bigint",
        bank.number, bank.number,
    )  # fmt: skip
    bank.close()
    return rows[0][0]


def _registered(bank: ServerBank) -> tuple[int, str]:
    """Return the number of a bank in its database, and when it was made."""
    hint = f"`provenance bank add --bank {bank.path} PICTURES`"
    with translate_errors(bank.path):
        seen = applied(bank.line())
    if not seen:
        raise ConfigError(f"{bank.path}: there is no bank in this database ({hint})")
    if missing(bank.path, seen):
        raise ConfigError(f"{bank.path}: its tables are older than this program ({hint})")
    found = bank.read(
        list[tuple[int, str]],
        "SELECT number, created FROM provenance.bank WHERE name = %s",
        bank.name,
    )
    if not found:
        raise ConfigError(f"{bank.path}: there is no such bank ({hint})")
    return found[0]


def _rows(
    put: list[tuple[Entry, bytes | None]], after: int
) -> list[tuple[int, Entry, str, bytes | None]]:
    """Return number, entry, JSON and features of changes that follow a number."""
    rows = []
    for seq, (entry, block) in enumerate(put, after + 1):
        if block is not None:
            local = Local(seq, len(block), digest(block))
            entry = msgspec.structs.replace(entry, local=local)  # noqa: PLW2901
        rows.append((seq, entry, msgspec.json.encode(entry).decode(), block))
    return rows


def _written(
    line: "Connection",
    number: int,
    rows: list[tuple[int, Entry, str, bytes | None]],
    known: dict[str, Entry],
) -> None:
    """Write changes, inside a transaction that holds the bank's row."""
    fresh = {entry.id: seq for seq, entry, _, _ in reversed(rows) if entry.id not in known}
    with line.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO provenance.change (bank, seq, id, entry, digest)"
            " VALUES (%s, %s, %s, %s, %s)",
            [(number, seq, entry.id, body, digest(body.encode())) for seq, entry, body, _ in rows],
        )
        cursor.executemany(
            "INSERT INTO provenance.entry (bank, id, seq) VALUES (%s, %s, %s)",
            [(number, name, seq) for name, seq in fresh.items()],
        )
        cursor.executemany(
            "INSERT INTO provenance.feature (bank, seq, block) VALUES (%s, %s, %b)",
            [(number, seq, block) for seq, _, _, block in rows if block is not None],
        )
        cursor.execute(
            "UPDATE provenance.bank SET changes = changes + %s WHERE number = %s",
            [len(rows), number],
        )


def _sound(address: Address, seq: int, body: str) -> Entry:
    """Return the entry of a change."""
    try:
        entry = msgspec.json.decode(body, type=Entry)
        check_hashes(entry)
    except (msgspec.DecodeError, ConfigError) as error:
        raise DamagedError(f"{address}: change {seq}: {error}", RESTORE) from error
    return entry
