"""Search one bank by hashes, then by local features, and decide what is a match."""

from typing import TYPE_CHECKING, Any, Final

import msgspec

from detectors.bank.chance.file import load_calibration
from detectors.bank.chance.tables import FalseMatchRate
from detectors.bank.entry import Entry
from detectors.bank.matching.index import Index, Near

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from detectors.bank.chance.tables import Tables
    from detectors.bank.features import Features
    from detectors.bank.location import Store
    from detectors.bank.matching.parts import Part, Parts
    from detectors.bank.matching.verify import Verification
    from detectors.decode.picture import Picture
    from detectors.hashing.views import PictureHashes

MOST_CHANCE: Final = 0.05
"""False-match probability above which a near entry is no match: what large banks meet by chance."""
SHOWN_CHANCE: Final = 0.5
"""The same for geometric verification, whose own limits no different picture has passed. A match
whose probability is over the policy's limit is shown and has no weight."""
UNAIDED: Final = 16
"""Hamming distance up to which a hash match needs no geometric verification."""
NEAREST: Final = 40
"""Entries whose hashes are looked at: many graphics have the shapes of one, and other colours."""
LOOKED_INTO: Final = 16
"""Pictures in a picture whose local features may be compared: the largest that no hash knew."""
MISSES: Final = 4
"""Unmatched pictures in a picture after which no more is compared."""
MOSTLY: Final = 0.5
"""Share of an entry that a picture in a picture shows; less of it is a piece of the whole."""
UPRIGHT: Final = 3
"""Candidates that local features bring up for the picture as it is."""
MIRRORED: Final = 2
LEAST_CORRELATION: Final = 0.94
LEAST_INLIERS: Final = 8
"""Least of both at which geometric verification makes a match. Of 212 altered copies that hashes
left open the lowest had .955 and 9; of 2,543 candidates of other people none had .94 with even
1."""
INVERSE: Final = {"turned_90": "turned_270", "turned_270": "turned_90"}
WHOLE: Final = 0.9
"""Share of an entry above which a picture that covers so much of it is not called cropped, nor one
that it fills so far surrounded: a slight turn hides as much."""
CUT: Final = {"trimmed": "border_trimmed", "inner": "circle"}
"""View of the picture → what it says of the picture."""
FLIPS: Final = ("mirrored", "flipped", "transposed", "transversed")


class Match(msgspec.Struct, frozen=True, kw_only=True):
    """An entry that a picture shows."""

    entry: Entry
    algorithm: str
    distance: int | None
    """Differing bits of the best view; None where only local features matched."""
    chance: FalseMatchRate
    """That an unrelated picture matches something in this bank as well."""
    comparisons: int
    """Pairs that were compared, which `chance` counts."""
    view: str
    transform: str
    """How the picture is turned against the entry."""
    region: tuple[int, int, int, int] | None = None
    """Left, top, width and height in pixels of the part of the picture that shows it."""
    colourless: bool = False
    """The picture is a flat graphic, and the entry has no colours to tell it from others by."""
    facts: dict[str, Any] = {}
    """What else the algorithm measured."""


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """A candidate after geometric verification."""

    entry: Entry
    ordinal: int
    """Ordinal of the entry in its bank."""
    mirrored: bool
    """Whether the picture was mirrored first."""
    verified: "Verification"
    asked: int
    """Features of the picture."""
    candidates: int
    """Looked at for the same picture."""


class Searcher:
    """A bank and its index."""

    def __init__(self, bank: "Store", tables: "Tables | None" = None) -> None:
        """Index a bank.

        Args:
            bank: opened.
            tables: its calibration; None: the one that lies in it, or the shipped one.
        """
        self.bank = bank
        self.tables = load_calibration(bank.path)[0] if tables is None else tables
        self.index = Index(bank.entries, self._codes_of)

    def _codes_of(self, entry: Entry) -> "NDArray[np.uint64]":
        from detectors.bank.features import CODES_END, block_codes

        return block_codes(self.bank.head(entry, CODES_END))

    def matches(self, picture: "Picture", seen: "PictureHashes", parts: "Parts") -> list[Match]:
        """Return the nearest fake and the nearest innocent that the picture matches.

        A near hash decides at once. Where none is near enough, the pictures that are set into this
        one are looked at, each by itself; and where none of them matches either, the entries that
        share local features with the whole are compared with it pixel by pixel.

        Args:
            picture: as it came.
            seen: its hashes.
            parts: the pictures in it.
        """
        near = [] if seen.low_detail else self.index.nearest(seen, NEAREST)
        comparisons = self.index.comparisons(seen)
        found = self._by_hash(picture, seen, near, comparisons)
        if any(not match.entry.innocent for match in found):
            return _nearest_of_each(found)
        if within := self._within(picture, parts, comparisons):
            return _nearest_of_each(found) + within
        if not seen.low_detail:
            found += self._by_features(picture, near)
        return _nearest_of_each(found)

    def _within(self, picture: "Picture", parts: "Parts", comparisons: int) -> list[Match]:
        """Return what the parts of a picture match, each entry once, likeliest first."""
        comparisons += sum(self.index.comparisons(part.seen) for part in parts.found)
        found, left = [], []
        for part in parts.found:
            near = self.index.nearest(part.seen, NEAREST)
            matches = self._by_hash(part.picture, part.seen, near, comparisons)
            found += [_placed(match, part, picture) for match in _nearest_of_each(matches)]
            if not matches:
                left.append((part, near))
        misses, left = 0, left[:LOOKED_INTO]
        for part, near in left:
            matches = self._by_features(part.picture, near, len(left))
            matches = [match for match in matches if match.facts["covered"] >= MOSTLY]
            found += [_placed(match, part, picture) for match in _nearest_of_each(matches)]
            misses += not matches
            if misses == MISSES:
                break
        best: dict[str, Match] = {}
        for match in sorted(found, key=lambda each: each.chance.point):
            best.setdefault(match.entry.id, match)
        return [*best.values()]

    def _by_hash(
        self, picture: "Picture", seen: "PictureHashes", near: list[Near], comparisons: int
    ) -> list[Match]:
        """Return the matches that hashes make, likeliest first."""
        found = [
            match
            for each in near
            for match in [self.of_hash(each, picture, seen, comparisons)]
            if match is not None and match.chance.point <= MOST_CHANCE
        ]
        return sorted(found, key=lambda match: (match.colourless, match.chance.point))

    def checks(self, picture: "Picture", near: list[Near], least: int = 0) -> "Iterator[Checked]":
        """Yield how well a picture lies over each entry that may be of it.

        Args:
            picture: as it came.
            near: entries whose hashes are nearest.
            least: inliers under which an entry may be left out.
        """
        if not self.index.local:
            return
        from detectors.bank.features import QUERY_FEATURES, QUERY_SIDE, extract, from_block
        from detectors.bank.matching.verify import verify

        upright = extract(picture.grey, QUERY_SIDE, QUERY_FEATURES)
        ways = {False: upright, True: upright.mirrored()}
        candidates = self._candidates(ways, near)
        for ordinal, mirrored in candidates:
            entry = self.index.entries.at(ordinal)
            block = self.bank.features(entry)
            verified = verify(ways[mirrored], from_block(block), least) if block else None
            if verified is not None:
                yield Checked(
                    entry=entry,
                    ordinal=ordinal,
                    mirrored=mirrored,
                    verified=verified,
                    asked=len(upright.points),
                    candidates=len(candidates),
                )

    def _by_features(self, picture: "Picture", near: list[Near], pictures: int = 1) -> list[Match]:
        """Return the matches that features and pixels make, best first.

        Args:
            picture: as it came, or a part of one.
            near: entries whose hashes are nearest.
            pictures: so many are looked at, of which this is one.
        """
        from detectors.bank.matching.verify import scaled
        from detectors.hashing.flatness import flat

        found = []
        growth = max(1, self.index.local / self.tables.measured_entries())
        for check in self.checks(picture, near, LEAST_INLIERS):
            verified = check.verified
            if verified.inliers < LEAST_INLIERS or verified.correlation < LEAST_CORRELATION:
                continue
            comparisons = round(check.candidates * growth * pictures)
            if self._colours(check.entry) is None and flat(picture):
                continue
            chance = self.tables.by_features(scaled(verified, check.asked)).bank_wide(comparisons)
            if chance.point <= SHOWN_CHANCE:
                found.append(_of_features(check, chance, comparisons))
        return sorted(found, key=lambda match: match.chance.point)

    def of_hash(
        self, near: Near, picture: "Picture", seen: "PictureHashes", comparisons: int
    ) -> Match | None:
        """Return the match that a hash makes, of a graphic together with its colours."""
        from detectors.bank.matching.graphics import differing, view_cells
        from detectors.hashing.flatness import flat
        from detectors.hashing.views import LEAST_DEVIATION

        entry = near.entry
        colours = self._colours(entry)
        if colours is not None and len(colours):
            shown = view_cells(picture, seen, near.view, near.orientation)
            if shown.std() < LEAST_DEVIATION:
                return None  # the inside of a frame, with nothing in it
            return self._of_graphic(near, differing(shown, colours), comparisons)
        if near.distance > (UNAIDED if entry.local else near.reach):
            return None
        chance = self.tables.by_hash(near.distance, entry.kind, near.algorithm)
        found = _hashed(near, chance, comparisons)
        unknown = colours is None and flat(picture)
        return msgspec.structs.replace(found, colourless=True) if unknown else found

    def _colours(self, entry: Entry) -> "NDArray[np.uint8] | None":
        """Return what an entry keeps of its colours: none of a photograph, None where unknown."""
        from detectors.bank.features import block_colours

        return block_colours(self.bank.features(entry) or b"") if entry.local else None

    def _of_graphic(self, near: Near, levels: int, comparisons: int) -> Match | None:
        """Return the match of a flat graphic, whose colours differ by so many levels."""
        from detectors.bank.matching.graphics import MOST_LEVELS

        if levels > MOST_LEVELS:
            return None
        chance = self.tables.of_graphic(near.distance, levels, near.algorithm)
        found = _hashed(near, chance, comparisons)
        return msgspec.structs.replace(found, facts={"colour_levels": levels})

    def _candidates(self, ways: "dict[bool, Features]", near: list[Near]) -> list[tuple[int, bool]]:
        """Return the entries to look at closely, each with whether to mirror the picture."""
        from detectors.bank.matching.verify import ASKED

        chosen: list[tuple[int, bool]] = []
        for mirrored, most in ((False, UPRIGHT), (True, MIRRORED)):
            best = self.index.sharing(ways[mirrored].codes[:ASKED], most)
            chosen += [(ordinal, mirrored) for ordinal in best]
        chosen += [(each.ordinal, each.orientation in FLIPS) for each in near[:1]]
        return list(dict.fromkeys(chosen))


def _hashed(near: Near, chance: FalseMatchRate, comparisons: int) -> Match:
    """Return the match that a hash makes at such a chance of each comparison."""
    turn = INVERSE.get(near.orientation, near.orientation)
    words = [turn] if turn != "upright" else []
    words += [CUT[near.view.removeprefix("bare_")]] if near.view != "whole" else []
    return Match(
        entry=near.entry,
        algorithm=near.algorithm,
        distance=near.distance,
        chance=chance.bank_wide(comparisons),
        comparisons=comparisons,
        view=near.view,
        transform=", ".join(words) or "upright",
    )


def _placed(match: Match, part: "Part", picture: "Picture") -> Match:
    """Return a match of a part of a picture, with where the part lies."""
    _, _, width, height = part.region
    share = width * height / (picture.width * picture.height)
    words = [word for word in match.transform.split(", ") if not word.startswith("surrounded_")]
    words = [word for word in words if word != "upright"] + [f"surrounded_{round(100 * share)}"]
    return msgspec.structs.replace(match, transform=", ".join(words), region=part.region)


def _of_features(check: Checked, chance: FalseMatchRate, comparisons: int) -> Match:
    """Return the match that features and pixels make."""
    verified = check.verified
    return Match(
        entry=check.entry,
        algorithm="local",
        distance=None,
        chance=chance,
        comparisons=comparisons,
        view="whole",
        transform=_worded(verified, mirrored=check.mirrored),
        facts={
            "places": verified.inliers,
            "correlation": round(verified.correlation, 3),
            "tiles": verified.tiles,
            "covered": round(min(1.0, verified.covered), 2),
        },
    )


def _worded(verified: "Verification", *, mirrored: bool) -> str:
    """Return what was done to the entry's picture: degrees anticlockwise, percent of its area."""
    turn = round(verified.angle) % 360
    words = ["mirrored"] if mirrored else []
    words += [f"turned_{turn}"] if turn else []
    words += [f"cropped_{round(100 * verified.covered)}"] if verified.covered < WHOLE else []
    words += [f"surrounded_{round(100 * verified.filled)}"] if verified.filled < WHOLE else []
    return ", ".join(words) or "upright"


def _nearest_of_each(matches: list[Match]) -> list[Match]:
    """Find the first fake and the first innocent."""
    return [
        match
        for innocent in (False, True)
        for match in [each for each in matches if each.entry.innocent is innocent][:1]
    ]
