"""The ledger of a run: an index of its records, in SQLite.

Truth is `records.jsonl`. The ledger says which line is whose, of which state of the item's files it
tells, and which detector with which settings made what of it. Without it a pass looks at everything
again, so it may be deleted while no pass runs.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

import msgspec

from detectors.spec import Settings
from provenance.engine.trace import Kept, Trace

K = TypeVar("K")
V = TypeVar("V")

NAME: Final = "ledger.sqlite"
VERSION: Final = 3
"""Of the tables; a ledger of another version is made anew."""
CACHE: Final = 512
"""KiB of the database that are held in memory."""
CACHED: Final = 1000
"""Traces that are held in memory; most items of a kind share one."""
_TABLES: Final = """
CREATE TABLE items (
    uri TEXT PRIMARY KEY, stamp BLOB, size INTEGER, key BLOB, trace INTEGER,
    file INTEGER, offset INTEGER, length INTEGER, pass INTEGER,
    content BLOB, risk INTEGER, reason TEXT,
    container TEXT, place INTEGER, media TEXT
);
CREATE TABLE containers (path TEXT PRIMARY KEY, stamp BLOB, pass INTEGER) WITHOUT ROWID;
CREATE INDEX by_container ON items (container, place) WHERE container IS NOT NULL;
CREATE INDEX by_key ON items (key, pass) WHERE key IS NOT NULL;
CREATE INDEX by_content ON items (content, offset) WHERE content IS NOT NULL;
CREATE INDEX by_size ON items (size);
CREATE TABLE traces (id INTEGER PRIMARY KEY, body BLOB UNIQUE);
CREATE TABLE media (uri TEXT, content BLOB, PRIMARY KEY (uri, content)) WITHOUT ROWID;
CREATE INDEX by_medium ON media (content);
CREATE TABLE likenesses (content BLOB PRIMARY KEY, body BLOB) WITHOUT ROWID;
CREATE TABLE small (content BLOB PRIMARY KEY, body BLOB) WITHOUT ROWID;
CREATE TABLE names (name TEXT PRIMARY KEY, items INTEGER);
CREATE TABLE facts (name TEXT PRIMARY KEY, value BLOB);
"""


class Row(NamedTuple):
    """What is known of an item, in the order of the table."""

    uri: str
    stamp: bytes
    """Digest of the state of all files that its record reads."""
    size: int | None = None
    """Bytes."""
    key: bytes | None = None
    """Equal where bytes, sidecars and ending of the name are; None where that is not known."""
    trace: int = 0
    """Number of its trace."""
    file: int = 0
    """Where its record lies: 0 in `records.jsonl`, else in the file of earlier records of that
    number."""
    offset: int = 0
    length: int = 0
    passed: int = 0
    """Number of the last pass that came to it; 0: none has, in the order of the items."""
    content: bytes | None = None
    """SHA-256 of its bytes, where it belongs into a group of equal ones."""
    risk: int = 0
    """Rank."""
    reason: str = ""
    """Code of what decided the risk, else of the first signal."""
    container: str | None = None
    """The file of posts or archive that it is in; None: it is a file of its own."""
    place: int | None = None
    """Its number there."""
    media: str | None = None
    """Of a post: the paths of its media, a JSON list."""


class Shown(NamedTuple):
    """An item in a group."""

    uri: str
    media: str | None
    """Of a post: the paths of its media, a JSON list."""


_FILES: Final = "SELECT uri, NULL AS media, offset FROM together CROSS JOIN items USING (content)"
_POSTS: Final = (
    "SELECT uri, items.media, offset FROM together CROSS JOIN media USING (content)"
    " CROSS JOIN items USING (uri)"
)


class Ledger:
    """The ledger; changes are written when `commit` is called."""

    def __init__(self, folder: Path) -> None:
        """Open it, or make it anew where it is missing, damaged or of another version.

        Args:
            folder: where it lies.

        Raises:
            sqlite3.Error: it cannot be written.
        """
        self.path = folder / NAME
        try:
            self._db = self._opened()
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise  # the disk, not the ledger
            self._remove()
            self._db = self._opened()
        self._ids = dict[bytes, int]()
        self._traces = dict[int, Trace]()

    def _opened(self) -> sqlite3.Connection:
        db = self._connected()
        (version,) = db.execute("PRAGMA user_version").fetchone()
        if version != VERSION:
            db.close()
            self._remove()
            db = self._connected()
            db.executescript(f"BEGIN; {_TABLES} PRAGMA user_version = {VERSION}; COMMIT")
        db.execute("BEGIN")
        return db

    def _connected(self) -> sqlite3.Connection:
        db = sqlite3.connect(self.path, isolation_level=None)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute(f"PRAGMA cache_size = -{CACHE}")
        return db

    def _remove(self) -> None:
        for ending in ("", "-wal", "-shm"):
            self.path.with_name(NAME + ending).unlink(missing_ok=True)

    def commit(self) -> None:
        """Write what has changed."""
        self._db.execute("COMMIT")
        self._db.execute("BEGIN")

    def close(self) -> None:
        """Let go of it; what was not committed is lost."""
        with suppress(sqlite3.Error):
            self._db.close()

    def row(self, uri: str) -> Row | None:
        """Return what is known of an item."""
        found = self._db.execute("SELECT * FROM items WHERE uri = ?", (uri,)).fetchone()
        return Row(*found) if found else None

    def equal(self, key: bytes) -> Row | None:
        """Return an item of a key, one that the last pass came to where there is one."""
        query = "SELECT * FROM items WHERE key = ? ORDER BY pass DESC LIMIT 1"
        found = self._db.execute(query, (key,)).fetchone()
        return Row(*found) if found else None

    def has_size(self, size: int) -> bool:
        """Tell whether there is an item of so many bytes."""
        query = "SELECT 1 FROM items WHERE size = ? LIMIT 1"
        return self._db.execute(query, (size,)).fetchone() is not None

    def put(self, row: Row) -> None:
        """Note what is known of an item."""
        query = "INSERT OR REPLACE INTO items VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        self._db.execute(query, row)

    def came_to(self, uri: str, number: int) -> None:
        """Note that a pass came to an item, and that all else is as it was."""
        self._db.execute("UPDATE items SET pass = ? WHERE uri = ?", (number, uri))

    def put_container(self, path: str, stamp: bytes, number: int) -> None:
        """Note that all items of an archive or file of posts are known.

        Args:
            path: its name.
            stamp: of its state.
            number: of the pass.
        """
        query = "INSERT OR REPLACE INTO containers VALUES (?, ?, ?)"
        self._db.execute(query, (path, stamp, number))

    def members(self, path: str, stamp: bytes) -> Iterator[Row] | None:
        """Return the items of an archive or file of posts, in their order.

        Args:
            path: its name.
            stamp: of its state.

        Returns:
            The items; None where not all are known, or its state is another.
        """
        query = "SELECT 1 FROM containers WHERE path = ? AND stamp = ?"
        known = self._db.execute(query, (path, stamp)).fetchone()
        return self._members(path) if known else None

    def _members(self, path: str) -> Iterator[Row]:
        """Yield the items of a container, each as it is known when its turn comes."""
        query = "SELECT * FROM items WHERE container = ? AND place > ? ORDER BY place LIMIT 1"
        place: int | None = -1
        while found := self._db.execute(query, (path, place)).fetchone():
            row = Row(*found)
            place = row.place
            yield row

    def trace(self, number: int) -> Trace:
        """Return a trace by its number."""
        if number not in self._traces:
            query = "SELECT body FROM traces WHERE id = ?"
            (body,) = self._db.execute(query, (number,)).fetchone()
            _bounded(self._traces)[number] = msgspec.json.decode(body, type=Trace)
        return self._traces[number]

    def number_of(self, trace: bytes) -> int:
        """Return the number of a trace."""
        if trace not in self._ids:
            self._db.execute("INSERT OR IGNORE INTO traces (body) VALUES (?)", (trace,))
            query = "SELECT id FROM traces WHERE body = ?"
            (_bounded(self._ids)[trace],) = self._db.execute(query, (trace,)).fetchone()
        return self._ids[trace]

    def end(self) -> int:
        """Return the bytes of `records.jsonl` up to the end of the last known record."""
        query = "SELECT MAX(offset + length) FROM items WHERE file = 0"
        (end,) = self._db.execute(query).fetchone()
        return end or 0

    def forget_behind(self, end: int) -> None:
        """Forget the items whose record lies behind the end of `records.jsonl`."""
        self._db.execute("DELETE FROM items WHERE file = 0 AND offset + length > ?", (end,))

    def files(self) -> list[int]:
        """Return the numbers of the files of earlier records that are in use."""
        query = "SELECT DISTINCT file FROM items WHERE file != 0 ORDER BY file"
        return [number for (number,) in self._db.execute(query)]

    def move(self, offset: int, file: int) -> None:
        """Note that what lay in `records.jsonl` from an offset on now lies in another file."""
        query = "UPDATE items SET file = ?, offset = offset - ? WHERE file = 0 AND offset >= ?"
        self._db.execute(query, (file, offset, offset))
        self.commit()

    def forget_others(self, number: int) -> None:
        """Forget the items to which a pass did not come: they are gone."""
        self._db.execute("DELETE FROM items WHERE pass != ?", (number,))
        self._db.execute("DELETE FROM containers WHERE pass != ?", (number,))
        self._db.execute("DELETE FROM traces WHERE id NOT IN (SELECT trace FROM items)")
        self._db.execute("DELETE FROM media WHERE uri NOT IN (SELECT uri FROM items)")
        for table in ("likenesses", "small"):
            self._db.execute(
                f"DELETE FROM {table} WHERE content NOT IN"  # noqa: S608 - ours
                " (SELECT content FROM items WHERE content IS NOT NULL"
                " UNION ALL SELECT content FROM media)"
            )
        self.commit()

    def begin_pass(self) -> int:
        """Return the number of the pass that begins."""
        number = int(self._fact("pass") or b"0") + 1
        self._note("pass", str(number).encode())
        self._db.execute("DELETE FROM names")
        return number

    def last_settings(self) -> tuple[dict[str, Settings], str] | None:
        """Return the settings of the last pass and the digest of its policy, None without one."""
        told = self._fact("settings")
        kind = tuple[dict[str, Settings], str]
        return None if told is None else msgspec.json.decode(told, type=kind)

    def note_settings(self, settings: dict[str, Settings], policy: str) -> None:
        """Note the settings of the pass that begins, and the digest of its policy."""
        self._note("settings", msgspec.json.encode((settings, policy)))

    def _fact(self, name: str) -> bytes | None:
        found = self._db.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return found[0] if found else None

    def _note(self, name: str, value: bytes) -> None:
        self._db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))

    def count_name(self, name: str) -> None:
        """Count an item for the name of what made it."""
        query = "INSERT INTO names VALUES (?, 1) ON CONFLICT DO UPDATE SET items = items + 1"
        self._db.execute(query, (name,))

    def names(self, most: int) -> list[tuple[str, int]]:
        """Return the most frequent names of what made items, and how many items each has."""
        query = "SELECT name, items FROM names ORDER BY items DESC, name LIMIT ?"
        return self._db.execute(query, (most,)).fetchall()

    def put_kept(self, kept: Kept) -> None:
        """Note what is kept of a picture."""
        for table, body in (("likenesses", kept.likeness), ("small", kept.small)):
            query = f"INSERT OR REPLACE INTO {table} VALUES (?, ?)"  # noqa: S608 - ours
            self._db.execute(query, (kept.content, body))

    def put_media(self, uri: str, contents: Iterable[bytes]) -> None:
        """Note which pictures a post shows.

        Args:
            uri: of the post.
            contents: SHA-256 of their bytes.
        """
        self._db.execute("DELETE FROM media WHERE uri = ?", (uri,))
        rows = ((uri, content) for content in contents)
        self._db.executemany("INSERT INTO media VALUES (?, ?)", rows)

    def equal_bytes(self) -> Iterator[tuple[bytes, int]]:
        """Yield the digests that several items share, and how many do, most first."""
        query = (
            "SELECT content, COUNT(*) AS n FROM items WHERE content IS NOT NULL"
            " GROUP BY content HAVING n > 1 ORDER BY n DESC, MIN(offset)"
        )
        yield from self._db.execute(query)

    def of_contents(self, contents: Iterable[bytes], *, posts: bool) -> list[Shown]:
        """Return the items of some digests in their order.

        Args:
            contents: SHA-256 of bytes.
            posts: whether the posts are of them that show such a picture.
        """
        return _of_contents(self._db, contents, posts=posts)

    def by_risk(self, least: int, number: int) -> Iterator[Row]:
        """Yield the items of a pass of a risk or a higher one, by risk, then by reason.

        Args:
            least: rank of the risk.
            number: of the pass.
        """
        query = (
            "SELECT * FROM items WHERE risk >= ? AND pass = ? ORDER BY risk DESC, reason, offset"
        )
        for found in self._db.execute(query, (least, number)):
            yield Row(*found)


def _bounded(held: dict[K, V]) -> dict[K, V]:
    """Return a dictionary, emptied once it is full."""
    if len(held) >= CACHED:
        held.clear()
    return held


def likenesses(ledger: Path) -> list[tuple[bytes, bytes, int, int, int]]:
    """Return what tells pictures from others, as another process may read it from a ledger.

    Args:
        ledger: its file.

    Returns:
        Of each picture that an item is or a post shows, sorted by the first: SHA-256, likeness,
        how many items have these bytes, how many posts show them, and where the record of the first
        of them lies.
    """
    query = (
        "WITH known AS (SELECT content, body FROM likenesses WHERE LENGTH(body) > 0)"
        " SELECT content, body, SUM(NOT post), SUM(post), MIN(offset) FROM ("
        " SELECT content, body, offset, 0 AS post FROM known JOIN items USING (content) UNION ALL"
        " SELECT known.content, body, offset, 1 FROM known JOIN media USING (content)"
        " JOIN items USING (uri)) GROUP BY content ORDER BY content"
    )
    with closing(_read_only(ledger)) as db:
        return db.execute(query).fetchall()


def of_contents(ledger: Path, contents: Iterable[bytes]) -> list[Shown]:
    """Return the items of some digests, and the posts that show such a picture, in their order.

    Args:
        ledger: its file, as another process may read it.
        contents: SHA-256 of bytes.
    """
    with closing(_read_only(ledger)) as db:
        return _of_contents(db, contents, posts=True)


def _of_contents(db: sqlite3.Connection, contents: Iterable[bytes], *, posts: bool) -> list[Shown]:
    db.execute("CREATE TEMP TABLE IF NOT EXISTS together (content BLOB PRIMARY KEY) WITHOUT ROWID")
    db.execute("DELETE FROM together")
    db.executemany("INSERT INTO together VALUES (?)", ((each,) for each in contents))
    query = f"{_FILES} UNION {_POSTS}" if posts else _FILES
    found = db.execute(f"{query} ORDER BY offset")
    return [Shown(uri, media) for uri, media, _ in found]


def small_copies(ledger: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the digests (SHA-256, hex) and small copies of the pictures of a run.

    Args:
        ledger: its file; where it cannot be read there are none.
    """
    with suppress(sqlite3.Error), closing(_read_only(ledger)) as db:
        for content, body in db.execute("SELECT content, body FROM small ORDER BY content"):
            yield content.hex(), body


def _read_only(ledger: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{ledger.absolute().as_uri()}?mode=ro", uri=True)
