"""Whether two are the same picture: equal digests, or a near look that local features confirm."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

import msgspec

from detectors.bank.entry import EXACT, Entry

if TYPE_CHECKING:
    from detectors.bank.matching.index import Index, Near
    from detectors.bank.matching.search import Searcher
    from detectors.bank.matching.verify import Verification
    from detectors.decode.picture import Picture
    from detectors.hashing.views import PictureHashes

SAME_CHANCE: Final = 1e-6
"""Most false-match probability at which a match says that two are the same picture."""
MOST: Final = 50
"""Near entries that are looked at for one picture."""


class Copy(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of the same picture."""

    entry: Entry
    algorithm: str
    distance: int | None = None
    """Differing bits; None where only local features match."""
    confirmed: bool = True
    """Whether digests or local features say so; hashes alone where one side has no features."""


def of_file(index: "Index", digests: Iterable[tuple[str, str]]) -> list[Copy]:
    """Return the entries of the very file, by digests of it.

    Args:
        index: of the bank.
        digests: algorithm and value.
    """
    found = {
        entry.id: Copy(entry=entry, algorithm=algorithm, distance=0)
        for algorithm, value in reversed([*digests])
        for entry in index.exact(algorithm, value)
    }
    return [*found.values()]


def of_picture(
    searcher: "Searcher", picture: "Picture", seen: "PictureHashes", most: float = SAME_CHANCE
) -> list[Copy]:
    """Return the entries that a picture is a copy of, by its look.

    Args:
        searcher: of the bank.
        picture: what is compared.
        seen: its hashes.
        most: chance of a false match with anything in the bank up to which it is a copy.
    """
    from detectors.bank.matching.verify import scaled

    if seen.low_detail:
        return []
    near = searcher.index.nearest(seen, MOST)
    chances = {each.ordinal: _chance(searcher, each, seen) for each in near}
    found = [
        Copy(
            entry=each.entry,
            algorithm=each.algorithm,
            distance=each.distance,
            confirmed=False,
        )
        for each in near
        if not each.entry.local and chances[each.ordinal] <= most
    ]
    found += _graphics(searcher, picture, seen, near, most)
    growth = max(1, searcher.index.local / searcher.tables.measured_entries())
    for check in searcher.checks(picture, near):
        local = searcher.tables.by_features(scaled(check.verified, check.asked))
        chance = local.bank_wide(round(check.candidates * growth)).point
        if agrees(check.verified) and min(chance, chances.get(check.ordinal, 1)) <= most:
            found.append(Copy(entry=check.entry, algorithm="local"))
    return found


def _graphics(
    searcher: "Searcher",
    picture: "Picture",
    seen: "PictureHashes",
    near: "list[Near]",
    most: float,
) -> list[Copy]:
    """Return the flat graphics that a picture is a copy of: their colours confirm it."""
    comparisons = searcher.index.comparisons(seen)
    found = [(each, searcher.of_hash(each, picture, seen, comparisons)) for each in near]
    return [
        Copy(entry=each.entry, algorithm=each.algorithm, distance=each.distance)
        for each, match in found
        if match and "colour_levels" in match.facts and match.chance.point <= most
    ]


def of_entry(searcher: "Searcher", entry: Entry, block: bytes | None) -> list[Copy]:
    """Return the entries of a bank that are the same picture as an entry, itself among them.

    Args:
        searcher: of the bank.
        entry: of this bank, of another, or of a feed.
        block: its local features, where it has some.
    """
    found = {each.entry.id: each for each in of_file(searcher.index, entry.digests(*EXACT))}
    seen = _looks(entry)
    for each in searcher.index.nearest(seen, MOST):
        if _chance(searcher, each, seen) > SAME_CHANCE:
            continue
        other = searcher.bank.features(each.entry) if block is not None else None
        if block is None or other is None or _agree(block, other):
            copy = Copy(
                entry=each.entry,
                algorithm=each.algorithm,
                distance=each.distance,
                confirmed=block is not None and other is not None,
            )
            found.setdefault(each.entry.id, copy)
    return [*found.values()]


def agrees(verified: "Verification") -> bool:
    """Tell whether features and pixels agree as only those of one picture do."""
    from detectors.bank.matching.search import LEAST_CORRELATION, LEAST_INLIERS

    return verified.inliers >= LEAST_INLIERS and verified.correlation >= LEAST_CORRELATION


def _chance(searcher: "Searcher", near: "Near", seen: "PictureHashes") -> float:
    """Return the chance that an unrelated picture comes as near to anything in the bank."""
    chance = searcher.tables.by_hash(near.distance, near.entry.kind, near.algorithm)
    return chance.bank_wide(searcher.index.comparisons(seen)).point


def _agree(one: bytes, other: bytes) -> bool:
    """Tell whether two entries agree, the small copy of the one laid over the other's."""
    import numpy as np

    from detectors.bank.features import Features, from_block
    from detectors.bank.matching.graphics import same_colours
    from detectors.bank.matching.verify import verify

    if (same := same_colours(one, other)) is not None:
        return same
    asked = from_block(one)
    height, width = asked.grey.shape
    scale = np.array([width / asked.size[0], height / asked.size[1]], np.float32)
    small = Features(
        (width, height), asked.points * scale, asked.descriptors, asked.codes, asked.grey
    )
    verified = verify(small, from_block(other))
    return verified is not None and agrees(verified)


def _looks(entry: Entry) -> "PictureHashes":
    """Return the hashes of an entry as those of a picture; it can be asked upright alone."""
    import numpy as np

    from detectors.hashing.views import LEAST_DEVIATION, LEAST_QUALITY, PictureHashes

    rows = {
        name: np.array(
            [[*bytes.fromhex(each.value)] for each in entry.hashes.get(name, ())], np.uint8
        ).reshape(-1, 32)
        for name in ("pdq", "pdq64.v1")
    }
    stable = np.repeat(rows["pdq64.v1"][:, None], 8, axis=1)
    return PictureHashes(
        pdq=rows["pdq"][:1],
        turned=rows["pdq"],
        quality=LEAST_QUALITY,
        deviation=LEAST_DEVIATION,
        names=tuple(each.view for each in entry.hashes.get("pdq64.v1", ())),
        stable=stable,
    )
