"""What a drawing of a match needs: the part of the picture that matched, laid over the entry."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from detectors.bank.location import location_of, opened
from detectors.errors import ConfigError
from detectors.signal import MatchFacts

if TYPE_CHECKING:
    from detectors.bank.features import Features
    from detectors.bank.matching.verify import Geometry
    from detectors.decode.picture import Picture


@dataclass(frozen=True, kw_only=True)
class Alignment:
    """A picture and an entry of a bank, and how the one lies over the other."""

    upright: "Features"
    """Local features of the picture, not mirrored."""
    entry: "Features | None"
    """Local features of the entry with its small copy; None where it came as hashes alone."""
    geometry: "Geometry | None"
    """How the picture lies over the entry; None where local features do not agree."""
    mirrored: bool
    """True where its mirror image does."""
    tile: int
    """Pixels of the small copy along a tile whose correlation is given."""


@dataclass(frozen=True, kw_only=True)
class Matched:
    """A match of a record, looked up again."""

    entry: str
    """Id of the entry."""
    picture: "Picture"
    """The frame, or the part of it, that matched."""
    block: bytes | None
    """Local features of the entry, encoded; None where it has none."""


def matched(banks: Sequence[str], facts: MatchFacts, picture: "Picture") -> Matched:
    """Find the entry that a signal names, and the part of the picture that it is about.

    Args:
        banks: names or addresses of the banks that were searched.
        facts: those of the signal.
        picture: the whole picture.

    Raises:
        ConfigError: a bank cannot be opened, or none holds the entry.
    """
    from detectors.bank.matching.parts import at

    named = [bank for bank in map(opened, map(location_of, banks)) if bank.name == facts.bank]
    found = ((bank, bank.entries.get(facts.entry or "")) for bank in named)
    bank, entry = next((one for one in found if one[1]), (None, None))
    if bank is None or entry is None:
        raise ConfigError(f"{facts.entry}: no bank in use holds this entry")
    shown = picture.frame(facts.frame) if facts.frame else picture
    if facts.region:
        shown = at(shown, facts.region)
    return Matched(entry=entry.id, picture=shown, block=bank.features(entry))


def aligned(picture: "Picture", block: bytes | None) -> Alignment:
    """Lay a picture over an entry, as it is and mirrored, and keep what agrees better.

    Args:
        picture: that matched.
        block: local features of the entry, encoded; None where it came as hashes alone.
    """
    from detectors.bank.features import QUERY_FEATURES, QUERY_SIDE, extract, from_block
    from detectors.bank.matching.verify import TILE, estimate_geometry

    upright = extract(picture.grey, QUERY_SIDE, QUERY_FEATURES)
    entry = from_block(block) if block else None
    best: Geometry | None = None
    mirrored = False
    if entry is not None:
        ways = [
            (estimate_geometry(upright, entry), False),
            (estimate_geometry(upright.mirrored(), entry), True),
        ]
        best, mirrored = max(ways, key=lambda way: len(way[0].here) if way[0] else -1)
    return Alignment(upright=upright, entry=entry, geometry=best, mirrored=mirrored, tile=TILE)
