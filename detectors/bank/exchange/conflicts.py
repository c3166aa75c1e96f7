"""Rules for merging an entry that two banks describe differently.

1. Unknown here: it is taken; a withdrawn one as a tombstone, so that no older copy brings it back.
2. Said alike: nothing happens.
3. Hashes of the same algorithm with none in common: the id stands for two pictures; ours stays.
4. Withdrawn here: it stays withdrawn, whatever the dates.
5. Withdrawn there: it is withdrawn here too, whatever the dates. A withdrawal spares an innocent
   person; a missed one does not. It becomes disputed instead where the user wants to decide, and
   where a tombstone without a hash meets an entry that was made from a picture here: an id alone
   does not show that it means this picture.
6. Otherwise the later change counts. Hashes are joined, and the stricter TLP holds.

What was withdrawn or disputed here, or is harmless here, stays so for its picture: an entry of the
same picture that accuses is left out under whatever id it comes (`pictures.py`).
"""

from enum import StrEnum
from typing import Any, Final

import msgspec

from detectors.bank.entry import Entry, Hash, Status, Tlp

FIELDS: Final = (
    "kind", "innocent", "hashes", "created", "modified", "source", "first_seen", "tags", "tlp",
    "status", "reason",
)  # fmt: skip
"""What is compared; notes and local features are each bank's own."""


class MergeOutcome(StrEnum):
    """What became of an entry."""

    ADDED = "added"
    TOMBSTONE = "tombstone"
    """New here, and withdrawn already."""
    SAME = "same"
    UPDATED = "updated"
    OLDER = "older"
    """Ours was changed later, and stays."""
    WITHDRAWN = "withdrawn"
    DISPUTED = "disputed"
    """Withdrawn there; the user decides."""
    OTHER_PICTURE = "other_picture"
    WITHDRAWN_HERE = "withdrawn_here"
    COPY_WITHDRAWN = "copy_withdrawn"
    """The picture was withdrawn here, under whatever id."""
    COPY_DISPUTED = "copy_disputed"
    COPY_INNOCENT = "copy_innocent"
    REINSTATED = "reinstated"
    """Taken in although something else was decided here; somebody gave a reason."""


CONFLICTS: Final = (
    MergeOutcome.OTHER_PICTURE,
    MergeOutcome.WITHDRAWN_HERE,
    MergeOutcome.COPY_WITHDRAWN,
    MergeOutcome.COPY_DISPUTED,
    MergeOutcome.COPY_INNOCENT,
)
"""Outcomes in which the two stay different."""


class Resolution(msgspec.Struct, frozen=True):
    """An outcome, and the entry to write where something changes."""

    outcome: MergeOutcome
    entry: Entry | None = None


def resolve(here: Entry | None, there: Entry, *, dispute: bool = False) -> Resolution:
    """Return what becomes of an entry, by the rules above.

    Args:
        here: as it stands in this bank, if it does.
        there: as the other says it.
        dispute: a withdrawal there makes a disputed entry here.
    """
    there = msgspec.structs.replace(there, local=None)
    if here is None:  # (1)
        return Resolution(_new(there), there)
    if not differing(here, there):  # (2)
        return Resolution(MergeOutcome.SAME)
    if _strangers(here, there):  # (3)
        return Resolution(MergeOutcome.OTHER_PICTURE)
    return _of_both(here, there, dispute=dispute)


def differing(here: Entry, there: Entry) -> dict[str, list[Any]]:
    """Return field → what stands here and there, of the fields in which they differ."""
    pairs = {name: [getattr(here, name), getattr(there, name)] for name in FIELDS}
    return {
        {"kind": "class"}.get(name, name): msgspec.to_builtins(pair)
        for name, pair in pairs.items()
        if pair[0] != pair[1]
    }


def _new(there: Entry) -> MergeOutcome:
    return MergeOutcome.TOMBSTONE if there.status is Status.WITHDRAWN else MergeOutcome.ADDED


def _of_both(here: Entry, there: Entry, *, dispute: bool) -> Resolution:
    """Apply rules 4 to 6."""
    gone = there.status is Status.WITHDRAWN
    if here.status is Status.WITHDRAWN:  # (4)
        return Resolution(MergeOutcome.SAME if gone else MergeOutcome.WITHDRAWN_HERE)
    if gone:  # (5)
        unproven = here.local is not None and not there.hashes
        return _withdrawn(here, there, dispute=dispute or unproven)
    if there.modified <= here.modified:  # (6)
        return Resolution(MergeOutcome.OLDER)
    joined = msgspec.structs.replace(
        there,
        hashes=_joined(here, there),
        tlp=max(here.tlp, there.tlp, key=list(Tlp).index),
        note=there.note or here.note,
        feed=here.feed,
        local=here.local,
    )
    return Resolution(MergeOutcome.UPDATED, joined)


def _withdrawn(here: Entry, there: Entry, *, dispute: bool) -> Resolution:
    """Return the entry as its withdrawal leaves it."""
    if dispute and here.status is Status.DISPUTED:
        return Resolution(MergeOutcome.SAME)
    status = Status.DISPUTED if dispute else Status.WITHDRAWN
    entry = msgspec.structs.replace(
        here,
        status=status,
        reason=there.reason or "withdrawn by those who shared it",
        modified=max(here.modified, there.modified),
    )
    return Resolution(MergeOutcome.DISPUTED if dispute else MergeOutcome.WITHDRAWN, entry)


def _strangers(here: Entry, there: Entry) -> bool:
    common = [name for name in here.hashes if name in there.hashes]
    return bool(common) and not any(
        {each.value for each in here.hashes[name]} & {each.value for each in there.hashes[name]}
        for name in common
    )


def _joined(here: Entry, there: Entry) -> dict[str, tuple[Hash, ...]]:
    """Return the hashes of both, there's first."""
    joined = dict(there.hashes)
    for name, hashes in here.hashes.items():
        values = {each.value for each in joined.get(name, ())}
        joined[name] = (
            *joined.get(name, ()),
            *(each for each in hashes if each.value not in values),
        )
    return joined
