"""The sharing filter: which entries may leave a bank, by the Traffic Light Protocol 2.0."""

from collections.abc import Iterable

import msgspec

from detectors.bank.entry import Entry, Tlp
from detectors.bank.exchange.row import STRICT, printable


def leaving(entries: Iterable[Entry], to: str | None) -> tuple[list[Entry], dict[str, int]]:
    """Return the entries that may leave, by id, and how many of each TLP stay.

    Tombstones are held to the same rule: what never left needs no withdrawal elsewhere.

    Args:
        entries: of the bank.
        to: the recipient, or None for anybody; AMBER is for an organisation and its clients, so it
            leaves to a recipient that the user names.
    """
    return up_to(entries, Tlp.AMBER if to else Tlp.GREEN)


def up_to(entries: Iterable[Entry], most: Tlp) -> tuple[list[Entry], dict[str, int]]:
    """Return the entries that are no stricter than a TLP, by id, and how many of each other stay.

    RED and AMBER+STRICT are for the people or the organisation that got them: they never leave.

    Args:
        entries: of the bank.
        most: CLEAR, GREEN or AMBER.
    """
    free = STRICT[: STRICT.index(min(most, Tlp.AMBER, key=STRICT.index)) + 1]
    shared: list[Entry] = []
    held: dict[str, int] = {}
    for entry in entries:
        if entry.tlp not in free:
            held[entry.tlp.value] = held.get(entry.tlp.value, 0) + 1
        else:
            shared.append(_cleaned(entry))
    return sorted(shared, key=lambda entry: entry.id), held


def _cleaned(entry: Entry) -> Entry:
    """Return an entry whose words hold no controls or direction marks, as older banks may."""
    words = {name: getattr(entry, name) for name in ("source", "note", "reason")}
    kept = {name: printable(said) for name, said in words.items() if said}
    return msgspec.structs.replace(entry, tags=tuple(map(printable, entry.tags)), **kept)
