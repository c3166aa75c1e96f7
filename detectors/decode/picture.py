"""The value that decoding gives: pixels in 8 bits, upright, in the views that detectors need."""

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Final

from PIL import Image

from detectors.errors import CannotAssess
from detectors.signal import Outcome, Reason

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BT601: Final = (0.299, 0.587, 0.114)


class Picture:
    """Pixels in 8 bits, upright, of the first frame; views are made on first use and kept.

    Arrays have the picture's proportions, but fewer pixels where it was `reduced` and fewer rows
    where it was `truncated`.
    """

    width: int
    """Width of the whole picture in pixels, orientation applied."""
    height: int
    """Height of the whole picture in pixels, orientation applied."""
    frames: int
    """Frames or pages of the file, counted to 10,000; this is the first, unless `frame` gave it."""
    truncated: bool
    """The file ends early; the rows that came are there, the others are cut off."""
    reduced: int
    """Factor by which both sides were divided while decoding; 1 for all up to 16 million pixels."""

    def __init__(
        self,
        colour: Callable[[], Image.Image],
        grey: Image.Image | None,
        *,
        size: tuple[int, int],
        frames: int = 1,
        truncated: bool = False,
        reduced: int = 1,
        later: "Callable[[int], Picture] | None" = None,
    ) -> None:
        """Keep how the colours are had.

        Args:
            colour: gives the picture in mode L, RGB or RGBA.
            grey: its brightness in mode L, where that was decoded apart.
            size: width and height of the whole picture.
            frames: of the file.
            truncated: whether rows are missing.
            reduced: the factor.
            later: gives a later frame, where the format has them.
        """
        self.width, self.height = size
        self.frames, self.truncated, self.reduced = frames, truncated, reduced
        self._colour, self._grey, self._later = colour, grey, later

    def frame(self, number: int) -> "Picture":
        """Return a frame or page, decoded now and not kept.

        Args:
            number: 0 for the first, less than `frames`.

        Raises:
            CannotAssess: it is broken, not there, too far in, or of a format of which the first
                frame alone is read.
        """
        if number == 0:
            return self
        if self._later is None or not 0 < number < self.frames:
            raise CannotAssess(Outcome.NOT_ASSESSED, Reason("picture.no_frame", {"frame": number}))
        return self._later(number)

    def part(self, box: tuple[int, int, int, int]) -> "Picture":
        """Return a part of the picture.

        Args:
            box: left, top, right and bottom, in pixels of the arrays.
        """
        size = box[2] - box[0], box[3] - box[1]
        grey = None if self._grey is None else self._grey.crop(box)
        return Picture(lambda: self._image.crop(box), grey, size=size, truncated=self.truncated)

    @cached_property
    def _image(self) -> Image.Image:
        return self._colour()

    @cached_property
    def _flat(self) -> Image.Image:
        """Mode RGB, transparent parts on white."""
        if self._image.mode != "RGBA":
            return self._image.convert("RGB")
        white = Image.new("RGBA", self._image.size, "white")
        return Image.alpha_composite(white, self._image).convert("RGB")

    @cached_property
    def rgb(self) -> "NDArray[np.uint8]":
        """(height, width, 3), 0..255; transparent parts on white; colour profile ignored."""
        return _frozen(self._flat)

    @cached_property
    def bare(self) -> "NDArray[np.uint8]":
        """As `rgb`, transparency ignored: the colours that lie under it."""
        return _frozen(self._image.convert("RGB")) if self.has_alpha else self.rgb

    @cached_property
    def grey(self) -> "NDArray[np.uint8]":
        """(height, width), 0..255: brightness in 8 bits; of a JPEG without decoding its colours."""
        return _frozen(self._flat.convert("L") if self._grey is None else self._grey)

    def cells(self, side: int) -> bytes:
        """Return the mean brightness of side x side cells, row by row, 0..255 each."""
        grey = self._flat.convert("L") if self._grey is None else self._grey
        return grey.resize((side, side), Image.Resampling.BOX).tobytes()

    @cached_property
    def luma(self) -> "NDArray[np.float32]":
        """(height, width), 0..255: .299 R + .587 G + .114 B of `rgb` (ITU-R BT.601)."""
        import numpy as np

        luma: NDArray[np.float32] = np.zeros(self.rgb.shape[:2], np.float32)
        for channel, weight in enumerate(BT601):
            luma += np.float32(weight) * self.rgb[..., channel]
        return luma

    @cached_property
    def alpha(self) -> "NDArray[np.uint8] | None":
        """(height, width), 0 (transparent) to 255; None where every pixel is opaque."""
        if self._grey is not None or self._image.mode != "RGBA":
            return None
        alpha = _frozen(self._image.getchannel("A"))
        return alpha if alpha.min() < 255 else None  # opaque

    @property
    def has_alpha(self) -> bool:
        """Whether any pixel is not opaque."""
        return self.alpha is not None


def _frozen(image: Image.Image) -> "NDArray[np.uint8]":
    """Return the pixels as an array that nobody can write to."""
    import numpy as np  # not above: what only compares a thumbnail does without it

    pixels: NDArray[np.uint8] = np.asarray(image)
    pixels.flags.writeable = False
    return pixels
