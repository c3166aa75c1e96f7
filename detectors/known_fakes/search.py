"""One bank, searched: what its hashes say, and when that counts as a match."""

from typing import TYPE_CHECKING, Any, Final

import msgspec

from detectors.known_fakes.bank.entry import Entry
from detectors.known_fakes.bank.index import Index, Near
from detectors.known_fakes.chance import Chance, by_hash

if TYPE_CHECKING:
    from detectors.known_fakes.bank.store import Bank
    from detectors.known_fakes.views import Looks
    from detectors.picture import Picture

MOST_CHANCE: Final = 0.05
"""False-match probability above which a near entry is no match: what large banks meet by chance."""
CANDIDATES: Final = 3
INVERSE: Final = {"turned_90": "turned_270", "turned_270": "turned_90"}


class Match(msgspec.Struct, frozen=True, kw_only=True):
    """An entry that a picture shows."""

    entry: Entry
    algorithm: str
    distance: int | None
    """Differing bits of the best view; None where only local features matched."""
    chance: Chance
    """That an unrelated picture matches something in this bank as well."""
    comparisons: int
    """Pairs that were compared, which `chance` counts."""
    view: str
    transform: str
    """How the picture is turned against the entry."""
    facts: dict[str, Any] = {}
    """What else the algorithm measured."""


class Searcher:
    """A bank with its hashes in order."""

    def __init__(self, bank: "Bank") -> None:
        self.bank = bank
        self.index = Index(bank.entries.values())

    def matches(self, picture: "Picture", seen: "Looks") -> list[Match]:
        """Give the nearest fake and the nearest innocent that the picture matches."""
        near = self.index.nearest(seen, CANDIDATES)
        comparisons = self.index.comparisons(seen)
        found = [self._by_hash(each, comparisons) for each in near if each.within]
        counted = [match for match in found if match.chance.point <= MOST_CHANCE]
        return _nearest_of_each(counted)

    def _by_hash(self, near: Near, comparisons: int) -> Match:
        """Give the match that a hash alone makes."""
        return Match(
            entry=near.entry,
            algorithm=near.algorithm,
            distance=near.distance,
            chance=by_hash(near.distance, near.entry.kind).anywhere(comparisons),
            comparisons=comparisons,
            view=near.view,
            transform=INVERSE.get(near.orientation, near.orientation),
        )


def _nearest_of_each(matches: list[Match]) -> list[Match]:
    """Give the first fake and the first innocent."""
    return [
        match
        for innocent in (False, True)
        for match in [each for each in matches if each.entry.innocent is innocent][:1]
    ]
