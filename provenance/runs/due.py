"""What becomes of an item in a pass: its stored record, that of equal bytes, or a fresh look.

Items are handed out a few ahead of the one whose turn it is. While one is looked at, others of the
same bytes wait for its record instead of being looked at too.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from typing import Final, Protocol

import msgspec

from detectors.item import Item
from provenance.engine.ordered import Crew
from provenance.engine.supervisor import Awaited
from provenance.engine.trace import Kept, Trace
from provenance.record import Record
from provenance.runs import identity
from provenance.runs.ledger import Ledger, Row
from provenance.runs.lines import Lines
from provenance.runs.renewal import Need, Renewal
from provenance.runs.turns import Turn

LOOKED_AT, REUSED, SAME_BYTES = "looked_at", "reused", "same_bytes"
"""How an item came to its record."""
Chosen = Callable[[Record], bool]
"""Tells whether further detectors look at an item."""
NO_TRACE: Final = Trace(settings={}, parts={})
_RECORD: Final = msgspec.json.Decoder(Record)


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """The record of an item, and what the ledger is to know of it."""

    record: Record
    trace: Trace
    how: str
    row: Row
    lies: bool
    """Whether the record lies where the row says; else it is a new one."""
    kept: Sequence[Kept] = ()
    """What is kept of its pictures, where that was computed now."""


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """A record that is in the run, and what it lacks."""

    record: Record
    trace: Trace
    row: Row
    need: Need


class Ready:
    """What is done with at once."""

    def __init__(self, done: Done) -> None:
        """Take it."""
        self._done = done

    def done(self) -> bool:
        """Return True."""
        return True

    def result(self) -> Done:
        """Return it."""
        return self._done


class Look:
    """An item that workers look at."""

    def __init__(self, desk: "Desk", item: Item, row: Row, stored: Stored | None = None) -> None:
        """Submit it.

        Args:
            desk: what submits it.
            item: what to look at.
            row: what the ledger is to know of it.
            stored: its record, where only some detectors have to look.
        """
        self.item, self.row = item, row
        self.since: float | None = None
        """When its record was first seen there before its turn."""
        self.held = False
        """Whether its record was written before its turn."""
        self._desk, self._stored = desk, stored
        self._made: Done | None = None
        self._awaited = self._submitted(stored.need.only if stored else None)

    def done(self) -> bool:
        """Tell whether its record is there."""
        if self._made is None and self._awaited.done() and not self._awaited.cancelled():
            self._made = self._finished()
        return self._made is not None

    def result(self) -> Done:
        """Return what became of it."""
        if self._made is None:
            raise RuntimeError("asked for before it is done")
        return self._made

    def _submitted(self, only: Collection[str] | None) -> Awaited:
        return self._desk.crew.submit(self.item, None, only)

    def _finished(self) -> Done | None:
        """Return what became of it; None where it has to be looked at as a whole after all."""
        record = self._awaited.result()
        sent = self._awaited.trace
        trace = msgspec.json.decode(sent, type=Trace) if sent else NO_TRACE
        if stored := self._stored:
            self._stored = None
            if not _is_same(record, stored.record):
                self._awaited = self._submitted(None)
                return None
            record, trace = self._desk.renewal.renewed(
                stored.record, stored.trace, record, trace, stored.need.only
            )
        key = self.row.key or identity.key(self.item, record.item.sha256 or "")
        row = self.row._replace(key=key)
        return Done(
            record=record,
            trace=trace,
            how=LOOKED_AT,
            row=row,
            lies=False,
            kept=self._awaited.kept,
        )


class Copy:
    """An item of the same bytes as one that is being looked at."""

    def __init__(self, desk: "Desk", item: Item, row: Row, of: Look) -> None:
        """Wait for the other one's record."""
        self._desk, self._item, self._row, self._of = desk, item, row, of
        self._look: Look | None = None
        self._made: Done | None = None

    def done(self) -> bool:
        """Tell whether its record is there."""
        if self._look is not None:
            return self._look.done()
        if self._made is None and self._of.done():
            done = self._of.result()
            if self._desk.renewal.need(done.record, done.trace, there=True) == Need():
                self._made = copied(done, self._row)
            else:
                self._look = Look(self._desk, self._item, self._row)
                return False
        return self._made is not None

    def result(self) -> Done:
        """Return what became of it."""
        if self._look is not None:
            return self._look.result()
        if self._made is None:
            raise RuntimeError("asked for before it is done")
        return self._made


class Entry(Protocol):
    """An item whose turn comes."""

    def done(self) -> bool:
        """Tell whether its record is there."""
        ...

    def result(self) -> Done:
        """Return what became of it."""
        ...


class Desk:
    """Decides for each item what has to be done."""

    def __init__(
        self,
        ledger: Ledger,
        lines: Lines,
        renewal: Renewal,
        crew: Crew,
        chosen: Chosen | None = None,
    ) -> None:
        """Take what a pass works with.

        Args:
            ledger: the index.
            lines: the stored records.
            renewal: knows what they lack.
            crew: the workers.
            chosen: says which items further detectors look at; None: all.
        """
        self.crew, self.renewal = crew, renewal
        self._ledger, self._lines, self._chosen = ledger, lines, chosen
        self._loaded: Stored | None = None
        """What was loaded last."""
        self._looks = dict[str, Look]()
        """Items that are being looked at, or whose record waits for its turn, by name."""
        self._by_size = defaultdict[int, list[Look]](list)
        self._by_key = dict[bytes, Look]()

    def suffices(self, row: Row, there: bool) -> bool:
        """Tell whether nobody has to look at an item that is as it was.

        Args:
            row: of the item.
            there: whether all its files are.
        """
        stored = self._load(row, there=there)
        if stored is None:
            return False
        if self._chosen is not None and not self._chosen(stored.record):
            return True
        return not (stored.need.whole or stored.need.only)

    def submit(self, turn: Turn) -> Entry:
        """Return what becomes of an item."""
        if turn.item is None:
            stored = self._load(turn.row, there=True)
            if stored is None:
                raise RuntimeError("a record is not where it was a moment ago")
            return Ready(self._kept(stored))
        item, row = turn.item, turn.row
        stored = self._stored(item, row)
        if stored is not None and not (stored.need.whole or stored.need.only):
            return Ready(self._kept(stored))
        row = row._replace(key=stored.row.key if stored else self._key(item))
        if row.key is not None and (copy := self._copy(item, row, row.key)):
            return copy
        return self._look(Look(self, item, row, stored if stored and stored.need.only else None))

    def before_their_turn(self, age: float) -> list[Look]:
        """Return the looks whose record has been there for so many seconds, and is not written."""
        now = time.monotonic()
        waiting = [look for look in self._looks.values() if not look.held and look.done()]
        for look in waiting:
            look.since = look.since or now
        return [look for look in waiting if look.since and now - look.since >= age]

    def forget(self, uri: str) -> None:
        """Let go of a look whose record is in the ledger now."""
        look = self._looks.pop(uri, None)
        if look is None:
            return
        if look.row.size is not None:
            self._by_size[look.row.size].remove(look)
            if not self._by_size[look.row.size]:
                del self._by_size[look.row.size]
        if look.row.key is not None and self._by_key.get(look.row.key) is look:
            del self._by_key[look.row.key]

    def _look(self, look: Look) -> Look:
        """Note what is looked at, so that others of the same bytes can wait for it."""
        self._looks[look.row.uri] = look
        if look.row.size is not None:
            self._by_size[look.row.size].append(look)
        if look.row.key is not None:
            self._by_key[look.row.key] = look
        return look

    def _load(self, row: Row, *, there: bool) -> Stored | None:
        """Return the record of a row, None where its line is not what the ledger says.

        Args:
            row: of the record.
            there: whether all files of the item are.
        """
        if self._loaded and self._loaded.row == row:
            return self._loaded
        try:
            record = _RECORD.decode(self._lines.read(row))
        except msgspec.DecodeError:
            return None
        if record.item.uri != row.uri:
            return None
        trace = self._ledger.trace(row.trace)
        need = self.renewal.need(record, trace, there=there)
        self._loaded = Stored(record=record, trace=trace, row=row, need=need)
        return self._loaded

    def _stored(self, item: Item, row: Row) -> Stored | None:
        """Return the record of an item if all its files are as they were."""
        known = self._ledger.row(item.uri)
        if known is None or not row.stamp or known.stamp != row.stamp:
            return None
        there = all(source.size >= 0 for source in item.sources)
        return self._load(known, there=there)

    def _kept(self, stored: Stored) -> Done:
        """Return a stored record, brought up to date where nobody has to look for that."""
        record, trace, row = stored.record, stored.trace, stored.row
        passed_by = self._chosen is not None and not self._chosen(record)
        if passed_by or not stored.need.other:
            return Done(record=record, trace=trace, how=REUSED, row=row, lies=True)
        record, trace = self.renewal.renewed(record, trace, None, NO_TRACE, frozenset())
        return Done(record=record, trace=trace, how=REUSED, row=row, lies=False)

    def _key(self, item: Item) -> bytes | None:
        """Return the key of an item if another one has as many bytes; else it is alone anyway."""
        size = identity.size(item)
        if size is None or not (size in self._by_size or self._ledger.has_size(size)):
            return None
        for look in self._by_size.get(size, ()):
            if look.row.key is None and (key := identity.key(look.item)):
                look.row = look.row._replace(key=key)
                self._by_key.setdefault(key, look)
        return identity.key(item)

    def _copy(self, item: Item, row: Row, key: bytes) -> Entry | None:
        """Return what becomes of an item of the same bytes as another, None where there is none."""
        if key in self._by_key:
            return Copy(self, item, row, self._by_key[key])
        equal = self._ledger.equal(key)
        stored = self._load(equal, there=True) if equal else None
        if stored is None or stored.need.whole or stored.need.only:
            return None
        return Ready(copied(self._kept(stored), row))


def copied(done: Done, row: Row) -> Done:
    """Return the record of an item of the same bytes as another."""
    record = done.record
    item = msgspec.structs.replace(record.item, uri=row.uri)
    record = msgspec.structs.replace(record, item=item, elapsed_ms=0)
    row = row._replace(key=done.row.key)
    return Done(record=record, trace=done.trace, how=SAME_BYTES, row=row, lies=False)


def _is_same(new: Record, old: Record) -> bool:
    """Tell whether a look of some detectors was at what the stored record is of."""
    return _contents(new) == _contents(old)


def _contents(record: Record) -> list[str | None]:
    return [record.item.sha256, *(part.sha256 for part in record.item.parts or ())]
