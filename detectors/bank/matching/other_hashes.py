"""Hashes that partners send and that make no match here: how near a picture comes to them is shown.

How often an unrelated picture comes as near was not measured for them, so nothing follows from it.
All are those of the package `imagehash`; of pHash and dHash this program has its own, equal to the
bit, so that the package is loaded only where a bank carries others.
"""

from typing import TYPE_CHECKING, Any, Final

import msgspec

from detectors.bank.entry import DIGITS, Entry, segments

if TYPE_CHECKING:
    from collections.abc import Iterable

    from PIL.Image import Image

    from detectors.decode.picture import Picture

OTHERS: Final = ("phash", "dhash", "average", "wavelet", "crop_resistant", "colour")
"""In the order in which two that are as near are named."""
BITS: Final = {name: 42 if name == "colour" else 4 * DIGITS[name] for name in OTHERS}
SHOWN: Final = {name: 1 if name == "colour" else 5 for name in OTHERS}
"""Most differing bits that are shown. A dHash is called "very similar" up to 5 by its author (N.
Krawetz, "Kind of Like That", 2013); 42 bits of colour are alike in many pictures."""


class OtherNear(msgspec.Struct, frozen=True, kw_only=True):
    """An entry that a picture comes near to."""

    entry: Entry
    algorithm: str
    distance: int
    """Differing bits; of `crop_resistant` those of the nearest two segments."""


def nearest(picture: "Picture", entries: "Iterable[Entry]") -> OtherNear | None:
    """Return the nearest of the entries, None where none is near enough to be shown."""
    known = {
        name: [(entry, each.value) for entry in entries for each in entry.hashes.get(name, ())]
        for name in OTHERS
    }
    found = [
        OtherNear(entry=entry, algorithm=name, distance=distance)
        for name, values in known.items()
        if values
        for asked in [segments(name, computed(name, picture))]
        for entry, value in values
        if (distance := _distance(asked, segments(name, value))) <= SHOWN[name]
    ]
    return min(
        found,
        key=lambda one: (one.distance / BITS[one.algorithm], OTHERS.index(one.algorithm)),
        default=None,
    )


def computed(algorithm: str, picture: "Picture") -> str:
    """Return a hash of a picture, as `imagehash` writes it."""
    from detectors.hashing.picture import dhash, phash

    if algorithm in ("phash", "dhash"):
        return (phash if algorithm == "phash" else dhash)(picture.grey)
    from PIL import Image

    return _by_package(algorithm, Image.fromarray(picture.rgb))


def _by_package(algorithm: str, image: "Image") -> str:
    import imagehash

    made: dict[str, Any] = {
        "average": imagehash.average_hash,
        "wavelet": imagehash.whash,
        "colour": imagehash.colorhash,
        "crop_resistant": imagehash.crop_resistant_hash,
    }
    return str(made[algorithm](image))


def _distance(asked: list[str], known: list[str]) -> int:
    """Return the differing bits of the nearest two parts."""
    return min((int(one, 16) ^ int(other, 16)).bit_count() for one in asked for other in known)
