"""The pictures in a picture, each ready to be compared; found when they are first asked for."""

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from detectors.decode.picture import Picture
    from detectors.hashing.views import PictureHashes


class Part(msgspec.Struct, frozen=True):
    """A picture in a picture."""

    region: tuple[int, int, int, int]
    """Left, top, width and height, in pixels of the whole picture."""
    picture: "Picture"
    seen: "PictureHashes"


def at(picture: "Picture", region: Sequence[int]) -> "Picture":
    """Return the part of a picture that lies at a region, as a match names it."""
    left, top, width, height = (side // picture.reduced for side in region)
    return picture.part((left, top, left + width, top + height))


class Parts:
    """What is set into a picture."""

    def __init__(self, picture: "Picture") -> None:
        self._picture = picture

    @cached_property
    def found(self) -> list[Part]:
        """The parts that have enough detail to be told from others, the largest first."""
        from detectors.bank.matching.regions import regions
        from detectors.hashing.views import hash_views

        found = []
        for left, top, right, bottom in regions(self._picture.grey):
            part = self._picture.part((left, top, right, bottom))
            by = self._picture.reduced
            region = left * by, top * by, (right - left) * by, (bottom - top) * by
            found.append(Part(region, part, hash_views(part)))
        return [part for part in found if not part.seen.low_detail]
