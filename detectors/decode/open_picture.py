"""Decode pictures: limits, orientation, colour modes and truncated files."""

import importlib
import io
import struct
import zlib
from collections.abc import Callable
from typing import Any, Final

from PIL import Image

from detectors.decode import memory
from detectors.decode.colour_modes import TURNS, decoded_rows, eight_bits, quiet, reduced, upright
from detectors.decode.containers.bmff import has_still
from detectors.decode.headers import gif_frames, jpeg_header, plain_png, tiff_pages, webp_header
from detectors.decode.limits import (
    FEWEST_ROWS,
    KEPT,
    MEGA,
    MOST_COEFFICIENTS,
    MOST_MEGAPIXELS,
    MOST_SCAN_PIXELS,
    MOST_SCANS,
    MOST_SOUGHT,
)
from detectors.decode.memory import fits, lacking
from detectors.decode.picture import Picture
from detectors.errors import CannotAssess
from detectors.signal import Outcome, Reason

LATER: Final = ("image/gif", "image/webp", "image/tiff")
"""Formats whose later frames are decoded."""
PLUGINS: Final = {
    "image/jpeg": ("PIL.JpegImagePlugin", "JpegImageFile"),
    "image/png": ("PIL.PngImagePlugin", "PngImageFile"),
    "image/gif": ("PIL.GifImagePlugin", "GifImageFile"),
    "image/bmp": ("PIL.BmpImagePlugin", "BmpImageFile"),
    "image/tiff": ("PIL.TiffImagePlugin", "TiffImageFile"),
    "image/webp": ("PIL.WebPImagePlugin", "WebPImageFile"),
    "image/avif": ("PIL.AvifImagePlugin", "AvifImageFile"),
}
VECTORS: Final = "image/svg+xml"
PARTLY: Final = ("image/jpeg", "image/png", "image/gif", "image/tiff", "image/bmp")
"""Formats of which Pillow gives some rows before a fault (BMP has its upper ones last)."""
HEIF: Final = ("image/heic", "image/heif")
SELF_TURNED: Final = ("image/tiff", *HEIF)
"""Formats whose reader has applied the orientation."""
PARTLY_BYTES: Final = 8
"""Bytes a pixel that these decoders take at most; of a JPEG besides its coefficients."""
WHOLE_BYTES: Final = 20
"""Bytes a pixel that the others take, which decode into several copies (benchmarks/memory.py)."""
ORIENTATION: Final = 0x0112
"""EXIF 2.32, tag Orientation; TIFF 6.0, section 8."""
BROKEN: Final = (
    OSError, SyntaxError, ValueError, TypeError, LookupError, ArithmeticError, AttributeError,
    RuntimeError, EOFError, struct.error, zlib.error,
)  # fmt: skip
"""What Pillow and its readers raise on files that are no pictures."""


def decode(data: bytes, media_type: str | None, facts: dict[str, Any]) -> Picture:
    """Read the picture in these bytes, and note in `facts` what its headers tell.

    Args:
        data: the whole file.
        media_type: by content.
        facts: gets width, height (upright, of the whole picture), and, where they say something:
            frames, truncated, orientation (EXIF number), mode (as stored), reduced (factor).

    Raises:
        CannotAssess: `failed` where the file is broken; `not_assessed` where its format has no
            pixels or its headers announce more than the limits allow.
    """
    still = media_type not in HEIF or has_still(data)
    if media_type not in MOST_MEGAPIXELS or not still:
        if media_type == VECTORS or not (media_type or "").startswith("image/"):
            raise CannotAssess(Outcome.NOT_ASSESSED, Reason("picture.no_pixels"))
        named = {"media_type": media_type}
        raise CannotAssess(Outcome.NOT_ASSESSED, Reason("picture.format", named))
    source = _Source(data, media_type)
    picture = source.jpeg() if media_type == "image/jpeg" else source.other()
    facts.update(width=picture.width, height=picture.height)
    facts.update({key: value for key, value in source.facts.items() if value is not None})
    return picture


class _Source:
    """A file on its way to a picture."""

    def __init__(self, data: bytes, media_type: str) -> None:
        self.data, self.media_type = data, media_type
        self.frames, self._height = 1, 0
        self._coefficients = 0
        self._short: bool | None = None
        """Whether a failure may be for want of memory, which readers of JPEG, TIFF, WebP and AVIF
        call a broken file; None: not known yet."""
        self.facts: dict[str, Any] = {}
        self._measured()

    def _measured(self) -> None:
        """Check the file's header against the limits, where Pillow would decode before telling."""
        if self.media_type == "image/png":
            self.data, self.frames = plain_png(self.data)
        elif self.media_type == "image/gif":
            self.frames = gif_frames(self.data)
        elif self.media_type == "image/tiff":
            self.frames = tiff_pages(self.data)
        elif self.media_type == "image/webp":
            if (header := webp_header(self.data)) is None:
                raise _broken("no WebP header")
            width, height, self.frames = header
            self._admit((width, height))

    def _admit(self, size: tuple[int, int]) -> None:
        """Refuse more pixels than the format's limit; note at first if memory may be wanting."""
        pixels, most = size[0] * size[1], MOST_MEGAPIXELS[self.media_type]
        if pixels > most * MEGA:
            args = {"megapixels": round(pixels / MEGA), "limit": most}
            raise CannotAssess(Outcome.NOT_ASSESSED, Reason("picture.too_large", args))
        if self._short is None:
            each = PARTLY_BYTES if self.media_type in PARTLY else WHOLE_BYTES
            kept = min(pixels, KEPT) if self.media_type == "image/jpeg" else pixels
            self._short = not fits(self._coefficients + each * kept)

    def _broken(self, error: Exception) -> CannotAssess:
        """Return why pixels did not come: the file is broken, or memory was wanting."""
        return memory.fault() if self._short or lacking(error) else _broken(error)

    def jpeg(self) -> Picture:
        """Return a JPEG: brightness now, which shows that it decodes; colours when asked for."""
        header = jpeg_header(self.data)
        if header is None:
            raise _broken("no frame or no scan")
        self._coefficients = header.coefficients
        self._admit((header.width, header.height))
        pixels = header.width * header.height
        if header.scans > MOST_SCANS or header.scans * pixels > MOST_SCAN_PIXELS:
            args: dict[str, Any] = {"scans": header.scans, "megapixels": round(pixels / MEGA)}
            raise CannotAssess(Outcome.NOT_ASSESSED, Reason("picture.too_many_scans", args))
        if header.coefficients > MOST_COEFFICIENTS:
            args = {"megabytes": header.coefficients // MEGA, "limit": MOST_COEFFICIENTS // MEGA}
            raise CannotAssess(Outcome.NOT_ASSESSED, Reason("picture.too_much_memory", args))
        factor = next(f for f in (1, 2, 4, 8) if pixels <= KEPT * f * f or f == 8)
        first, cut = self._whole_or_cut("L", factor)
        rows = first.height
        turn = self._orientation(first)
        grey = upright(first, turn) if first.mode == "L" else None

        def colour() -> Image.Image:
            try:
                image = first if grey is None else self._loaded("RGB", factor, cut=cut)
            except BROKEN as error:
                raise self._broken(error) from error
            return upright(eight_bits(image).crop((0, 0, image.width, rows)), turn)

        return self._picture(
            colour, grey, (header.width, header.height), turn=turn, cut=cut, factor=factor
        )

    def other(self) -> Picture:
        """Return a picture of any other format, decoded and reduced at once."""
        image, cut = self._whole_or_cut(None, 1)
        size = (image.width, self._height if cut else image.height)
        turn = self._orientation(image)
        pixels = image.width * image.height
        factor = next(f for f in range(1, 64) if pixels <= KEPT * f * f)
        try:
            ready = upright(reduced(image, factor), turn)
        except BROKEN as error:
            raise self._broken(error) from error
        return self._picture(lambda: ready, None, size, turn=turn, cut=cut, factor=factor)

    def later(self, number: int) -> Picture:
        """Return a frame after the first."""
        try:
            with quiet(cut=False):
                image = self._opened()
                if number * image.width * image.height > MOST_SOUGHT:
                    args = {"frame": number}
                    raise CannotAssess(Outcome.NOT_ASSESSED, Reason("picture.no_frame", args))
                image.seek(number)
                self._admit(image.size)
                image.load()
            factor = next(f for f in range(1, 64) if image.width * image.height <= KEPT * f * f)
            ready = reduced(image, factor)
        except BROKEN as error:
            raise self._broken(error) from error
        return Picture(lambda: ready, None, size=image.size, frames=self.frames, reduced=factor)

    def _picture(
        self,
        colour: Callable[[], Image.Image],
        grey: Image.Image | None,
        size: tuple[int, int],
        *,
        turn: int,
        cut: bool,
        factor: int,
    ) -> Picture:
        """Note the facts and give the picture."""
        self.facts.update(
            frames=self.frames if self.frames > 1 else None,
            truncated=cut or None,
            orientation=turn if turn > 1 else None,
            reduced=factor if factor > 1 else None,
        )
        turned = size[::-1] if turn > 4 else size  # 5 to 8 swap the sides
        return Picture(
            colour,
            grey,
            size=turned,
            frames=self.frames,
            truncated=cut,
            reduced=factor,
            later=self.later if self.media_type in LATER else None,
        )

    def _whole_or_cut(self, mode: str | None, factor: int) -> tuple[Image.Image, bool]:
        """Return the decoded image and whether the file ended early; missing rows are cut off."""
        try:
            return self._loaded(mode, factor, cut=False), False
        except BROKEN as error:  # not kept: it holds this frame, and with it the whole file
            if self.media_type not in PARTLY or lacking(error) or self._short:
                raise self._broken(error) from error
        try:
            image = self._loaded(mode, factor, cut=True)
            rows = decoded_rows(image)
        except BROKEN as error:
            raise self._broken(error) from error
        if rows < min(FEWEST_ROWS, image.height):
            raise CannotAssess(Outcome.FAILED, Reason("picture.no_rows"))
        self._height = image.height
        part = image.crop((0, 0, image.width, rows))
        part.info = image.info
        return part, True

    def _loaded(self, mode: str | None, factor: int, *, cut: bool) -> Image.Image:
        """Load the first frame with all its pixels, as stored.

        Args:
            mode: of a JPEG, "L" for brightness alone.
            factor: of a JPEG, the power of two by which it is decoded smaller.
            cut: take what comes of a file that ends early.
        """
        with quiet(cut=cut):
            image = self._opened()
            self._admit(image.size)
            if self.media_type == "image/jpeg":
                image.draft(mode, (image.width // factor, image.height // factor))
            if image.mode not in ("L", "RGB"):
                self.facts["mode"] = image.mode
            image.load()
            return image

    def _opened(self) -> Image.Image:
        """Return the image as its header tells, no pixels yet."""
        if self.media_type in HEIF:
            import pillow_heif

            file = pillow_heif.open_heif(self.data, bgr_mode=False)
            first = file[file.primary_index]
            self._admit(first.size)
            image: Image.Image = first.to_pillow()
            return image
        module, name = PLUGINS[self.media_type]
        plugin: Callable[[io.BytesIO], Image.Image]
        plugin = getattr(importlib.import_module(module), name)
        return plugin(io.BytesIO(self.data))

    def _orientation(self, image: Image.Image) -> int:
        """Return the EXIF orientation that is still to be applied, 1 to 8."""
        raw = image.info.get("exif")
        if not raw or self.media_type in SELF_TURNED:
            return 1
        exif = Image.Exif()
        try:
            with quiet(cut=False):
                exif.load(raw)
                turn = exif.get(ORIENTATION)
        except BROKEN:
            return 1
        return turn if isinstance(turn, int) and turn in TURNS else 1


def _broken(error: object) -> CannotAssess:
    """Return the fault of a file that is no picture."""
    return CannotAssess(
        Outcome.FAILED, Reason("picture.broken", {"detail": ascii(str(error))[:160]})
    )
