"""What was decided of a picture, whatever id brings it: withdrawn, disputed, harmless.

A decision about an entry holds for its picture, so that a copy, another id, a partner's feed or the
next `bank add` does not bring back what was taken back. It ends where somebody reinstates the
picture and says why.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Final

import msgspec

from detectors.bank.entry import EXACT, Entry, Status
from detectors.bank.folder.entries import Entries
from detectors.bank.folder.snapshot import DISPUTED, INNOCENT, REINSTATES, WITHDRAWN, flags
from detectors.bank.matching import copies

if TYPE_CHECKING:
    from detectors.bank.location import Store
    from detectors.bank.matching.search import Searcher
    from detectors.decode.picture import Picture
    from detectors.item import Item

STRICTNESS: Final = ("innocent", "disputed", "withdrawn")
CHANGES: Final = {
    Status.WITHDRAWN: (Status.ACTIVE, Status.DISPUTED),
    Status.DISPUTED: (Status.ACTIVE,),
    Status.ACTIVE: (Status.DISPUTED,),
}
"""Status that a picture gets → that of the copies which get it too."""


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """A decision that holds for a picture."""

    entry: Entry
    """That it was made about, as it stands in its bank."""
    confirmed: bool
    """False where hashes alone say that it is the same picture."""
    where: str = "here"
    """Who decided: this bank, or the feed that the picture comes with."""

    @property
    def told(self) -> str:
        """Id, reason and date of the decision."""
        reason = f": {self.entry.reason}" if self.entry.reason else ""
        return f'{self.what} {self.where} as "{self.entry.id}"{reason} ({self.entry.modified[:10]})'

    @property
    def what(self) -> str:
        """`withdrawn`, `disputed` or `innocent`."""
        return "innocent" if self.entry.innocent else self.entry.status.value


def strictness(entry: Entry) -> tuple[int, str]:
    """Return what a stricter decision has more of, and of two alike the later."""
    what = "innocent" if entry.innocent else entry.status.value
    return STRICTNESS.index(what), entry.modified


def strictest_first(held: Iterable[Held]) -> list[Held]:
    """Return decisions in the order in which they count."""
    return sorted(held, key=lambda one: strictness(one.entry), reverse=True)


class Holds:
    """The decisions of a bank as it stands."""

    def __init__(self, store: "Store", *, innocents: bool) -> None:
        """Read them.

        Args:
            store: the bank.
            innocents: whether harmless pictures count: no copy of one is taken in as a fake.
        """
        self._store = store
        self._entries = {entry.id: entry for entry in decided(store.entries, innocents=innocents)}

    def __len__(self) -> int:
        """Return how many entries hold."""
        return len(self._entries)

    def of_item(self, item: "Item", picture: "Picture | None" = None) -> list[Held]:
        """Return what holds for an item, the strictest decision first.

        Args:
            item: whose bytes are compared.
            picture: whose look is compared; None: of the item.

        Raises:
            CannotAssess: it cannot be decoded, and its bytes alone say nothing.
        """
        if not self._entries:
            return []
        index = self._searcher.index
        wanted = [name for name in EXACT if index.carries(name)]
        found = copies.of_file(index, [(name, item.digest(name)) for name in wanted])
        if not found and index.by_look:
            from detectors.hashing.views import hash_views

            shown = picture or item.picture
            found = copies.of_picture(self._searcher, shown, hash_views(shown))
        return self._ranked(found)

    def of_entry(self, entry: Entry, block: bytes | None = None) -> list[Held]:
        """Return what holds for the picture of an entry, the strictest decision first.

        Args:
            entry: of a feed or of another bank, or one to be.
            block: its local features.
        """
        if not self._entries:
            return []
        return self._ranked(copies.of_entry(self._searcher, entry, block))

    def _ranked(self, found: list[copies.Copy]) -> list[Held]:
        """Return the decisions, the strictest first, of two alike the later."""
        return strictest_first(
            Held(entry=self._entries[each.entry.id], confirmed=each.confirmed) for each in found
        )

    @cached_property
    def _searcher(self) -> "Searcher":
        from detectors.bank.matching.search import Searcher

        return Searcher(_Lifted(self._store, self._entries))


class _Lifted:
    """A bank of the entries that hold, as if none had been withdrawn, so that they are found."""

    def __init__(self, store: "Store", entries: Mapping[str, Entry]) -> None:
        self._store = store
        self.name, self.id, self.path = store.name, store.id, store.path
        self.changes = store.changes
        self.entries = {
            name: msgspec.structs.replace(entry, status=Status.ACTIVE)
            for name, entry in entries.items()
        }

    def features(self, entry: Entry) -> bytes | None:
        """Return the local features of an entry."""
        return self._store.features(entry)

    def head(self, entry: Entry, length: int) -> memoryview:
        """Return the first bytes of an entry's features."""
        return self._store.head(entry, length)


def kept_out(entry: Entry, held: list[Held]) -> Held | None:
    """Return the decision that keeps an entry out of a bank, the strictest of those that hold.

    None does where it accuses nobody: a tombstone, a harmless picture, and where the picture is
    disputed a disputed entry.
    """
    if entry.status is Status.WITHDRAWN or entry.innocent:
        return None
    disputed = entry.status is Status.DISPUTED
    return next((one for one in held if not (disputed and one.what == "disputed")), None)


def reinstated(entry: Entry, held: list[Held], reason: str) -> Entry:
    """Return an entry for whose picture the decisions that held do so no more."""
    ended = tuple(one.entry.id for one in held if one.entry.id != entry.id)
    return msgspec.structs.replace(entry, reinstates=ended, reason=reason)


def copied(
    store: "Store", named: list[Entry], status: Status
) -> tuple[dict[str, tuple[Entry, str]], dict[str, str]]:
    """Return the other entries of a bank for whose pictures a decision holds as well.

    Args:
        store: the bank.
        named: entries that it is made about.
        status: that they get.

    Returns:
        Id → entry and id of the named one, of those that are the same picture; id → id of the named
        one, of those of which hashes alone say so.
    """
    from detectors.bank.matching.search import Searcher

    searcher = Searcher(store)
    ids = {entry.id for entry in named}
    same: dict[str, tuple[Entry, str]] = {}
    unsure: dict[str, str] = {}
    for entry in named:
        if entry.innocent:
            continue
        for copy in copies.of_entry(searcher, entry, store.features(entry)):
            other = copy.entry
            if other.id in ids or other.innocent or other.status not in CHANGES[status]:
                continue
            if copy.confirmed:
                same.setdefault(other.id, (other, entry.id))
            else:
                unsure.setdefault(other.id, entry.id)
    return same, {name: other for name, other in unsure.items() if name not in same}


def decided(entries: Mapping[str, Entry], *, innocents: bool = True) -> Iterator[Entry]:
    """Yield the entries whose decision holds."""
    mask = WITHDRAWN | DISPUTED | REINSTATES | (INNOCENT if innocents else 0)
    marked = (
        [*entries.flagged(mask)]
        if isinstance(entries, Entries)
        else [entry for entry in entries.values() if flags(entry) & mask]
    )
    active = [entry for entry in marked if entry.status is Status.ACTIVE]
    ended = {name for entry in active for name in entry.reinstates}
    for entry in marked:
        harmless = entry.innocent and entry.status is Status.ACTIVE and innocents
        taken_back = entry.status is not Status.ACTIVE and not entry.innocent
        if entry.id not in ended and (harmless or taken_back):
            yield entry
