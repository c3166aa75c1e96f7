"""Groups of pictures that are one: which of many are so near that chance does not explain it.

A picture joins the one in the middle of its group, never a neighbour's neighbour, so that no chain
of small steps leads to a stranger. How near it has to be follows from the number of pictures: among
all pairs of strangers together, one so near is expected at most `MOST` times.

How often strangers come near is told by two measurements, of which the lower counts unless the
second contradicts the first:

(1) The shipped table of aligned AI faces, the hardest pictures measured. A pair counts as all the
    comparisons that the table has for two pictures, one of which is that of both whole and upright.
(2) The pictures themselves: how many pairs of one of them and the mirror image of another come near
    tells how often strangers among them do, since a copy is no mirror image. Its exact hash is not
    needed: a mirror changes the sign of the odd waves across, which is a bit each, medians aside.
"""

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from detectors.bank.chance.tables import HARDEST, shipped, table
from detectors.bank.chance.tail_fit import upper_count
from detectors.bank.index.multi_index import FARTHEST, WORDS, MultiIndex, tables
from detectors.bank.matching.graphics import MOST_LEVELS, levels_apart
from detectors.hashing.likeness import FLAT, HASH_BYTES, SMOOTH, colours_of, kind_of
from detectors.hashing.picture import WAVES

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST: Final = 0.005
"""Most pairs of strangers that may be expected as near as a group allows: of photographs, and as
many with a flat graphic, so that there is a false group in at most 1 of 100 runs."""
HASH: Final = "pdq64.v1"
COMPARED: Final = 43
"""Comparisons that the shipped tables count for two pictures, of several views in all orientations:
680,969,952 for 3,979 by 3,978."""
CLOSE: Final = 8
"""Bits within which pictures stand for one when mirror images are counted."""
MIRRORED: Final = 20
"""Bits under which a mirror image is a picture that somebody mirrored rather than chance, which is
as near as this in 1 of 150 cases that are within reach."""
FEW: Final = 10
"""Mirror images within reach that an edited mirrored copy here and there explains."""
RARER: Final = 3
"""Times that strangers come as near as mirror images do: of 3,979 aligned AI faces 2.2 times within
36 bits (80 and 37 pairs) and within 40 (260 and 120), 1.5 within 60."""
SEEDS: Final = 64
"""Pictures that are looked up at once."""


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """Pictures that are one."""

    members: list[int]
    """Positions of the pictures, rising."""
    max_distance: int
    """Most differing bits of a member from the one in the middle, of 256."""
    chance: float
    """Chance that any two strangers among all pictures are as near as that."""


def same_pictures(likenesses: Sequence[bytes], algorithm: str = HASH) -> list[Group]:
    """Return the groups of at least two pictures that are one; the order given does not matter.

    Args:
        likenesses: of pictures of different bytes; those of an empty one are in no group.
        algorithm: of the hashes: `pdq64.v1`, or `pdq` of pictures of which no more is known.
    """
    places = defaultdict[bytes, list[int]](list)
    for place, each in enumerate(likenesses):
        if each:
            places[each].append(place)
    if not places:
        return []
    pictures = _Pictures(sorted(places))
    expected = _measured(pictures, [len(places[each]) for each in pictures.kept], algorithm)
    groups = []
    for star in pictures.stars(expected):
        members = sorted(place for row in star.rows for place in places[pictures.kept[row]])
        if len(members) > 1:
            chance = -math.expm1(-star.expected)
            groups.append(Group(members=members, max_distance=star.distance, chance=chance))
    return groups


class _Star(msgspec.Struct, frozen=True):
    """A picture in the middle and those around it, it among them."""

    middle: int
    rows: list[int]
    distance: int
    """Most bits from the middle."""
    expected: float
    """Pairs of strangers among all pictures that are as near."""


class _Expected(msgspec.Struct, frozen=True):
    """Pairs of strangers that are expected to be near each other, among all pictures."""

    by_bits: "NDArray[np.float64]"
    """(32,): pairs at most so many bits apart."""
    flat: int
    """Comparisons with flat graphics in which colours count."""

    def of_graphics(self, bits: int, levels: int) -> float:
        """Return the pairs that are as near in hash and colour; too many where that is too far."""
        chance = self.flat * shipped().of_graphic(bits, levels, HASH).point
        return math.inf if levels > MOST_LEVELS or chance > MOST else chance

    @property
    def reach(self) -> int:
        """Most bits by which one picture may differ from another; -1: chance allows none."""
        graphics = [self.of_graphics(bits, 0) for bits in range(FARTHEST + 1)]
        return int((np.minimum(self.by_bits, graphics) <= MOST).sum()) - 1


def _measured(pictures: "_Pictures", counts: Sequence[int], algorithm: str) -> _Expected:
    """Return what is expected among these.

    Args:
        pictures: all.
        counts: how many pictures have each likeness.
        algorithm: of the hashes.
    """
    bits = np.arange(FARTHEST + 1)
    tail = shipped().kinds[table(HARDEST, algorithm)]
    told = _comparisons(sum(counts)) * np.array([tail.share(each)[0] for each in bits.tolist()])
    seen = pictures.mirrored()
    own = RARER * upper_count(seen) * tail.ratio ** (FARTHEST - bits)
    if seen > max(told[FARTHEST], FEW):  # they are more alike than any that were measured
        told = own
    flat, smooth = (int((np.array(counts) * of).sum()) for of in (pictures.flat, pictures.smooth))
    return _Expected(np.minimum(told, own), _comparisons(flat) + COMPARED * flat * smooth)


def _comparisons(pictures: int) -> int:
    """Return how many comparisons of the shipped tables the pairs of pictures are."""
    return COMPARED * pictures * (pictures - 1) // 2


class _Pictures:
    """Pictures of different likenesses, with the index of their hashes."""

    def __init__(self, kept: list[bytes]) -> None:
        """Build the index.

        Args:
            kept: likenesses, sorted.
        """
        self.kept = kept
        hashes = np.frombuffer(b"".join(each[:HASH_BYTES] for each in kept), np.uint64)
        self._hashes = hashes.reshape(-1, WORDS)
        kinds = [kind_of(each) for each in kept]
        self.flat, self.smooth = (np.array([k == of for k in kinds], bool) for of in (FLAT, SMOOTH))
        """(n,): which are flat graphics, and which have little texture but are none."""
        self._index = MultiIndex(self._hashes, *tables(self._hashes))

    def mirrored(self) -> int:
        """Return how many pairs of a picture and the mirror image of another come near by chance.

        Copies of a picture count once, flat graphics, of which many are symmetric, not at all.
        """
        close = np.where(np.arange(FARTHEST + 1) <= CLOSE, 0, math.inf)
        stands = np.zeros(len(self.kept), bool)
        stands[[star.middle for star in self.stars(_Expected(close, 0))]] = True
        rows = np.flatnonzero(stands & ~self.flat)
        found = 0
        for first in range(0, len(rows), SEEDS):
            asking = rows[first : first + SEEDS]
            hits = self._index.within(self._hashes[asking] ^ MIRROR, FARTHEST)
            others = (stands & ~self.flat)[hits.rows] & (hits.rows > asking[hits.queries])
            found += int((others & (hits.distances >= MIRRORED)).sum())
        return found

    def stars(self, expected: _Expected) -> Iterator[_Star]:
        """Yield stars of which no two share a picture, until no picture is left that may have one.

        Args:
            expected: by chance.
        """
        free = np.ones(len(self.kept), bool)
        for first in range(0, len(free), SEEDS):
            seeds = np.flatnonzero(free[first : first + SEEDS]) + first
            for seed, around in zip(seeds.tolist(), self._around(seeds, expected), strict=True):
                near = around.chosen(free[around.rows])
                if not free[seed] or not len(near.rows):
                    continue
                middle = self._middle(near.rows)
                if middle != seed:
                    (whole,) = self._around(np.array([middle]), expected)
                    near = whole.chosen(free[whole.rows])
                free[near.rows] = False
                distance, pairs = int(near.bits.max()), float(near.expected.max())
                yield _Star(middle, near.rows.tolist(), distance, pairs)

    def _around(self, asking: "NDArray[np.int64]", expected: _Expected) -> list["_Near"]:
        """Return what is near enough to each of some pictures not to be so by chance."""
        hits = self._index.within(self._hashes[asking], expected.reach)
        found = []
        for place, row in enumerate(asking.tolist()):
            own = hits.queries == place
            rows, bits = hits.rows[own], hits.distances[own]
            chance = expected.by_bits[bits]
            by_colour = self.flat[rows] & (self.flat[row] | self.smooth[row])
            by_colour |= self.smooth[rows] & self.flat[row]
            if others := np.flatnonzero(by_colour).tolist():
                theirs = colours_of([self.kept[at] for at in rows[others].tolist()])
                levels = levels_apart(colours_of([self.kept[row]])[0], theirs)
                pairs = zip(bits[others].tolist(), levels.tolist(), strict=True)
                chance[others] = [expected.of_graphics(*pair) for pair in pairs]
            found.append(_Near(rows, bits, chance).chosen(chance <= MOST))
        return found

    def _middle(self, rows: "NDArray[np.int64]") -> int:
        """Return the picture that is nearest to what most of them have, bit for bit."""
        if len(rows) == 2:  # either may
            return int(rows.min())
        bits = np.unpackbits(self._hashes[rows].view(np.uint8), axis=1)
        most = 2 * bits.sum(axis=0, dtype=np.int64) > len(rows)
        return int(rows[(bits != most).sum(axis=1).argmin()])


class _Near(msgspec.Struct, frozen=True):
    """Pictures near one, itself among them."""

    rows: "NDArray[np.int64]"
    bits: "NDArray[np.int64]"
    expected: "NDArray[np.float64]"
    """Pairs of strangers that are as near."""

    def chosen(self, which: "NDArray[np.bool_]") -> "_Near":
        """Return some of them.

        Args:
            which: (n,).
        """
        return _Near(self.rows[which], self.bits[which], self.expected[which])


def _mirror() -> "NDArray[np.uint64]":
    """Return the bits that a mirror changes, (4,): those of the odd waves across."""
    odd = np.zeros((WAVES, WAVES), np.uint8)
    odd[:, ::2] = 1
    return np.packbits(odd.ravel()[::-1]).view(np.uint64)


MIRROR: Final = _mirror()
