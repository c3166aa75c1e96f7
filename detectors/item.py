"""An item: bytes under a name, read once and decoded at most once."""

import hashlib
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import msgspec

from detectors.decode import memory
from detectors.decode.sniff import Kind, MediaType, sniff
from detectors.errors import CannotAssess
from detectors.signal import Outcome, Reason

if TYPE_CHECKING:
    from detectors.decode.picture import Picture
    from detectors.decode.text import Passage

__all__ = ["DECODING", "Item", "Kind", "Sidecar", "Source"]

DECODING: ContextVar[Callable[[str], AbstractContextManager[object]]] = ContextVar(
    "DECODING", default=nullcontext
)
"""Entered around the decoding of pixels (`picture`) or text (`passage`), whoever asks for them: the
engine limits it as a stage of its own."""

T = TypeVar("T")


class Source(NamedTuple):
    """A file that an item is read from, as it stood when the item was made."""

    name: str
    size: int
    """Bytes; -1 where there is no such file."""
    mtime_ns: int
    """When it was changed, nanoseconds since the epoch."""


class Sidecar(msgspec.Struct, frozen=True, kw_only=True):
    """A `.c2pa` or `.xmp` file that lies beside an item."""

    read: Callable[[], bytes]
    """Returns the bytes; raises `CannotAssess`."""
    name: str
    """Its file name, for the record."""
    shared: bool
    """True where it may belong to several files of the folder."""
    source: Source | None = None
    """Where it lies; None: in an archive."""


class Item:
    """Bytes under a name, with what is derived from them on first use and kept.

    An item whose bytes cannot be read carries its fault and is judged like any other.
    """

    def __init__(
        self,
        uri: str,
        read: Callable[[], bytes],
        *,
        kind: Kind | None = None,
        sidecar: Sidecar | None = None,
        metadata: tuple[Sidecar, ...] = (),
        parts: tuple[tuple[str, "Item"], ...] = (),
        sources: tuple[Source, ...] = (),
    ) -> None:
        """Name the bytes without reading them.

        Args:
            uri: as the user named it; bytes that are not UTF-8 percent-encoded.
            read: gives the bytes, called once; raises `CannotAssess` where they cannot be had.
            kind: what the user says it is (`--kind`), or `post`; None: by content.
            sidecar: the `.c2pa` file beside it.
            metadata: the `.xmp` files beside it.
            parts: of a post: (part name, item).
            sources: the files that it is read from, its own first, then those beside it; none
                where it comes from elsewhere.
        """
        self.uri = uri
        self.sidecar = sidecar
        self.metadata = metadata
        self.parts = parts
        self.sources = sources
        self.facts: dict[str, Any] = {}
        """What decoding told of the item, for the record: width, height, encoding …"""
        self.fingerprints: dict[str, str] = {}
        """What pixel detectors computed, as name → hex, and what `--fingerprints` asks for."""
        self.derived: dict[str, Any] = {}
        """What several detectors derive from pixels or text: made once, kept with them."""
        self.asked: set[str] = set()
        """Which of `picture` and `passage` were asked for; whoever wants to know clears it."""
        self.decoded: dict[str, str] = {}
        """Name of a fact that decoding told → `picture` or `passage`."""
        self._blocked: dict[str, Reason] = {}
        self._read = read
        self._kind = kind
        self._digests: dict[str, str] = {}

    @cached_property
    def _opened(self) -> bytes | CannotAssess:
        try:
            return self._read()
        except CannotAssess as fault:
            return fault
        except MemoryError:
            return memory.fault()

    @property
    def fault(self) -> CannotAssess | None:
        """Why the bytes could not be read, or None."""
        return self._opened if isinstance(self._opened, CannotAssess) else None

    @property
    def data(self) -> bytes:
        """The bytes as they lie; empty where there is a fault."""
        return b"" if isinstance(self._opened, CannotAssess) else self._opened

    @property
    def sha256(self) -> str:
        """SHA-256 of the bytes, hex."""
        return self.digest("sha256")

    def digest(self, algorithm: str) -> str:
        """Return a digest of the bytes in hex: `sha256`, `sha1` or `md5`, computed once."""
        if algorithm not in self._digests:
            made = hashlib.new(algorithm, self.data, usedforsecurity=False)
            self._digests[algorithm] = made.hexdigest()
        return self._digests[algorithm]

    @cached_property
    def _media(self) -> MediaType:
        return sniff(self.data, self._kind, self.uri)

    @property
    def kind(self) -> Kind:
        """Image, text, post or unsupported; by content, unless the user said it."""
        return Kind.POST if self._kind is Kind.POST else self._media.kind

    @property
    def media_type(self) -> str | None:
        """IANA media type by content, None where unknown."""
        return None if self._kind is Kind.POST else self._media.name

    @property
    def unsupported(self) -> Reason | None:
        """Why an item of an unsupported kind is not examined; None for others."""
        return None if self._kind is Kind.POST else self._media.reason

    def block(self, stage: str, reason: Reason) -> None:
        """Put pixels or text out of reach: decoding them was stopped from outside.

        Args:
            stage: `picture` or `passage`.
            reason: what stopped it.
        """
        self._blocked[stage] = reason

    def _decoded(self, stage: str, decode: Callable[[], T]) -> T | CannotAssess:
        """Return pixels or text, or why there are none."""
        if stage in self._blocked:
            return CannotAssess(Outcome.FAILED, self._blocked[stage])
        known = set(self.facts)
        with DECODING.get()(stage):
            try:
                return decode()
            except CannotAssess as reason:
                return reason
            except MemoryError:
                return memory.fault()
            finally:
                self.decoded.update(dict.fromkeys(self.facts.keys() - known, stage))

    @cached_property
    def _picture(self) -> "Picture | CannotAssess":
        from detectors.decode.open_picture import decode

        return self._decoded("picture", lambda: decode(self.data, self.media_type, self.facts))

    @property
    def picture(self) -> "Picture":
        """The pixels, decoded once.

        Raises:
            CannotAssess: broken, over a limit, or no pixels at all.
        """
        self.asked.add("picture")
        if isinstance(self._picture, CannotAssess):
            raise self._picture
        return self._picture

    @cached_property
    def _passage(self) -> "Passage | CannotAssess":
        from detectors.decode.text import decode

        encoding = self._media.encoding
        return self._decoded(
            "passage", lambda: decode(self.data, self.media_type, self.facts, encoding)
        )

    @property
    def passage(self) -> "Passage":
        """The text, decoded once.

        Raises:
            CannotAssess: over a limit, or of a format whose text is not read.
        """
        self.asked.add("passage")
        if isinstance(self._passage, CannotAssess):
            raise self._passage
        return self._passage

    @property
    def has_colours(self) -> bool:
        """Whether the pixels were decoded with their colours already, and are there."""
        return "rgb" in getattr(self.__dict__.get("_picture"), "__dict__", {})

    def read(self) -> bytes:
        """Return the bytes anew, without keeping them.

        Raises:
            CannotAssess: they cannot be had.
        """
        return self._read()

    def release(self) -> None:
        """Let go of the bytes and of what was made of them; whoever asks for them reads anew."""
        self.derived.clear()
        for kept in ("_opened", "_picture", "_passage"):
            self.__dict__.pop(kept, None)
