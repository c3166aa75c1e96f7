"""One bank, searched: what its hashes say, what local features say, and what counts as a match."""

from typing import TYPE_CHECKING, Any, Final

import msgspec

from detectors.known_fakes.bank.entry import Entry
from detectors.known_fakes.bank.index import Index, Near
from detectors.known_fakes.chance import Chance, by_features, by_hash, measured_entries

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from detectors.known_fakes.bank.place import Store
    from detectors.known_fakes.features import Features
    from detectors.known_fakes.views import Looks
    from detectors.picture import Picture

MOST_CHANCE: Final = 0.05
"""False-match probability above which a near entry is no match: what large banks meet by chance."""
UNAIDED: Final = 16
"""Bits within which a hash speaks alone for an entry that could also be compared in detail."""
UPRIGHT: Final = 3
"""Candidates that local features bring up for the picture as it is."""
MIRRORED: Final = 2
LEAST_CORRELATION: Final = 0.94
LEAST_PLACES: Final = 8
"""Agreement from which features and pixels make a match. Of 212 altered copies that hashes left
open the lowest had .955 and 9; of 2,543 candidates of other people none had .94 with even 1."""
INVERSE: Final = {"turned_90": "turned_270", "turned_270": "turned_90"}
FLIPS: Final = ("mirrored", "flipped", "transposed", "transversed")


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
    """A bank with its hashes and features in order."""

    def __init__(self, bank: "Store") -> None:
        self.bank = bank
        self.index = Index(bank.entries, self._codes_of)

    def _codes_of(self, entry: Entry) -> "NDArray[np.uint64]":
        from detectors.known_fakes.features import CODES_END, block_codes

        return block_codes(self.bank.head(entry, CODES_END))

    def matches(self, picture: "Picture", seen: "Looks") -> list[Match]:
        """Give the nearest fake and the nearest innocent that the picture matches.

        A near hash decides at once. Where none is near enough, the entries that share local
        features with the picture are compared with it pixel by pixel.
        """
        near = self.index.nearest(seen, UPRIGHT)
        comparisons = self.index.comparisons(seen)
        found = [
            match
            for each in near
            if each.distance <= (UNAIDED if each.entry.local else each.reach)
            for match in [_of_hash(each, comparisons)]
            if match.chance.point <= MOST_CHANCE
        ]
        if not any(not match.entry.innocent for match in found):
            found += self._by_features(picture, near)
        return _nearest_of_each(found)

    def _by_features(self, picture: "Picture", near: list[Near]) -> list[Match]:
        """Give the matches that features and pixels make, best first."""
        if not self.index.local:
            return []
        from detectors.known_fakes.features import QUERY_FEATURES, QUERY_SIDE, extract, from_block
        from detectors.known_fakes.verify import agreement

        upright = extract(picture.grey, QUERY_SIDE, QUERY_FEATURES)
        ways = {False: upright, True: upright.mirrored()}
        candidates = self._candidates(ways, near)
        comparisons = round(len(candidates) * max(1, self.index.local / measured_entries()))
        found = []
        for place, mirrored in candidates:
            entry = self.index.entries.at(place)
            block = self.bank.features(entry)
            agreed = agreement(ways[mirrored], from_block(block)) if block else None
            if agreed is None or agreed.tight < LEAST_PLACES:
                continue
            chance = by_features(agreed.correlation, agreed.tight).anywhere(comparisons)
            if agreed.correlation >= LEAST_CORRELATION and chance.point <= MOST_CHANCE:
                found.append(
                    Match(
                        entry=entry,
                        algorithm="local",
                        distance=None,
                        chance=chance,
                        comparisons=comparisons,
                        view="whole",
                        transform=_worded(agreed.angle, mirrored=mirrored),
                        facts={
                            "places": agreed.tight,
                            "correlation": round(agreed.correlation, 3),
                            "covered": round(min(1.0, agreed.covered), 2),
                        },
                    )
                )
        return sorted(found, key=lambda match: match.chance.point)

    def _candidates(self, ways: "dict[bool, Features]", near: list[Near]) -> list[tuple[int, bool]]:
        """Give the entries to look at closely, each with whether the picture is to be mirrored."""
        from detectors.known_fakes.verify import ASKED

        chosen: list[tuple[int, bool]] = []
        for mirrored, most in ((False, UPRIGHT), (True, MIRRORED)):
            best = self.index.sharing(ways[mirrored].codes[:ASKED], most)
            chosen += [(place, mirrored) for place in best]
        chosen += [(each.place, each.orientation in FLIPS) for each in near[:1]]
        return list(dict.fromkeys(chosen))


def _of_hash(near: Near, comparisons: int) -> Match:
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


def _worded(angle: float, *, mirrored: bool) -> str:
    """Give how a picture is turned, in whole degrees anticlockwise."""
    turn = round(angle) % 360
    words = ["mirrored"] if mirrored else []
    words += [f"turned_{turn}"] if turn else []
    return ", ".join(words) or "upright"


def _nearest_of_each(matches: list[Match]) -> list[Match]:
    """Give the first fake and the first innocent."""
    return [
        match
        for innocent in (False, True)
        for match in [each for each in matches if each.entry.innocent is innocent][:1]
    ]
