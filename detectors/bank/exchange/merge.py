"""Two banks side by side: where they differ, and how one takes in the other."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from detectors.bank.entry import Entry, Status
from detectors.bank.exchange.conflicts import CONFLICTS, MergeOutcome, differing
from detectors.bank.exchange.pictures import Pictures
from detectors.bank.location import BankLocation, Store, create, title, writing
from detectors.bank.matching.decisions import decided
from detectors.errors import ConfigError

BATCH = 200
"""Entries, with their local features, that are brought to the disk together."""


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """An id that the two banks say different things of."""

    id: str
    merge: str
    """What `merge` would do, an `Outcome`; `only_here` where the other does not know it."""
    fields: dict[str, list[Any]] = {}
    """Field → what stands here and there."""


class Merged(msgspec.Struct, kw_only=True):
    """What became of the other's entries."""

    here: str
    there: str
    outcomes: dict[str, list[str]] = {}
    """Outcome → ids; those of `same` and `older` too."""

    @property
    def conflicts(self) -> dict[str, list[str]]:
        """Return the ids in which the two stay different."""
        return {each.value: self.outcomes.get(each.value, []) for each in CONFLICTS}


def differences(here: Store, there: Store, *, dispute: bool = False) -> Iterator[Difference]:
    """Yield what differs, by id: first what this bank knows, then what only the other knows."""
    pictures = Pictures(here, decided(there.entries), dispute=dispute)
    for name, entry in here.entries.items():
        other = there.entries.get(name)
        if other is None:
            yield Difference(id=name, merge="only_here")
        elif fields := differing(entry, other):
            done, _ = pictures.resolve(entry, other, there.features(other))
            yield Difference(id=name, merge=done.outcome.value, fields=fields)
    for name, entry in there.entries.items():
        if name not in here.entries:
            done, _ = pictures.resolve(None, entry, there.features(entry))
            yield Difference(id=name, merge=done.outcome.value)


def merge(
    path: BankLocation,
    there: Store,
    now: str,
    *,
    prefix: str = "",
    dispute: bool = False,
    step: Callable[[], None] = lambda: None,
) -> Merged:
    """Bring the entries of another bank into this one, with their local features.

    Args:
        path: where this bank lies, which is made where there is none.
        there: the other; it stays as it is.
        now: when this bank is made, if it is.
        prefix: goes before the ids of the other.
        dispute: what was withdrawn there becomes disputed here.
        step: called for each entry.

    Raises:
        ConfigError: a bank cannot be used, or the two are one.
    """
    if _same(path, there.path):
        raise ConfigError(f"{path}: is the same bank; name another one to merge")
    create(path, now)
    done = Merged(here=title(path), there=there.name)
    with writing(path) as writer:
        known = writer.bank.entries
        pictures = Pictures(writer.bank, decided(there.entries), dispute=dispute)
        for entry in there.entries.values():
            step()
            said = msgspec.structs.replace(entry, id=prefix + entry.id, reinstates=(), feed=None)
            block = there.features(entry)
            result, _ = pictures.resolve(known.get(said.id), said, block)
            done.outcomes.setdefault(result.outcome.value, []).append(said.id)
            if result.entry is not None:
                writer.put(result.entry, _features(result.entry, result.outcome, block))
                if result.entry.status is Status.WITHDRAWN:
                    for copy in pictures.copies_of(result.entry, block):
                        done.outcomes.setdefault(f"{copy.status.value}_copy", []).append(copy.id)
                        writer.put(copy)
            if len(writer.pending) >= BATCH:
                writer.commit()
        writer.commit()
    return done


def _same(one: BankLocation, other: BankLocation) -> bool:
    if isinstance(one, Path) and isinstance(other, Path):
        return one.resolve() == other.resolve()
    return one == other


def _features(taken: Entry, outcome: MergeOutcome, block: bytes | None) -> bytes | None:
    """Return the local features that come along: those of entries that have none here."""
    return (
        block
        if taken.local is None and outcome in (MergeOutcome.ADDED, MergeOutcome.UPDATED)
        else None
    )
