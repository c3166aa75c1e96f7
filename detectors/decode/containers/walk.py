"""What a walk through a container gives."""

import zlib

import msgspec

MAX_CHUNKS = 20_000
"""Segments, chunks, boxes or entries that one walk gives; far above what programs write."""
MAX_STEPS = 200_000
"""Pieces, pixels included, that one walk steps over."""
MAX_UNPACKED = 8 << 20
"""Bytes that one compressed field may unpack to, and that one field may hold at all."""


class Chunk(msgspec.Struct, frozen=True, gc=False):
    """One piece of a container that is not pixels."""

    tag: str
    """As the format names it: `APP1`, `tEXt`, `XMP `, `uuid:be7a…`, `0x010E`."""
    offset: int
    """Offset of the payload from the start of the file."""
    data: memoryview
    """The payload, not copied."""


class Walk(msgspec.Struct, frozen=True, kw_only=True):
    """The pieces of a container, in the order of the file."""

    chunks: tuple[Chunk, ...] = ()
    whole: bool = True
    """False where the file ends, or stops making sense, before the format says so."""
    limited: bool = False
    """True where the walk stopped at a limit of ours, and more may follow."""
    steps: int = 0
    """Pieces that the walk stepped over, pixels among them."""


class Basket:
    """Collects the chunks of a walk up to the limit."""

    def __init__(self, data: bytes | memoryview) -> None:
        self.view = memoryview(data)
        self.size = len(data)
        self.chunks: list[Chunk] = []
        self.steps = 0
        self.left = MAX_UNPACKED
        """Bytes that may still be joined: pieces of a file may lie over each other."""
        self.full = False
        """Whether a limit is reached."""

    def room(self) -> bool:
        """Count one step of the walk; tell whether it may be taken."""
        self.steps += 1
        self.full = self.full or len(self.chunks) >= MAX_CHUNKS or self.steps > MAX_STEPS
        return not self.full

    def put(self, tag: str, start: int, end: int) -> bool:
        """Keep the bytes from start to end, as far as the file reaches; tell whether it did.

        Of a piece said to lie behind the end of the file nothing is kept, at that end.
        """
        start = min(start, self.size)
        self.chunks.append(Chunk(tag, start, self.view[start : min(end, self.size)]))
        return end <= self.size

    def put_joined(self, tag: str, pieces: list[tuple[int, int]]) -> None:
        """Keep the bytes of several pieces, each from start to end, as one chunk.

        At a budget for the whole file the basket is full, and what is over it is left out.
        """
        joined = bytearray()
        for start, end in pieces:
            piece = self.view[start : min(end, self.size)]
            self.full = self.full or len(piece) > self.left
            joined += piece[: self.left]
            self.left -= len(piece[: self.left])
        self.chunks.append(Chunk(tag, min(pieces[0][0], self.size), memoryview(bytes(joined))))

    def walk(self, *, whole: bool) -> Walk:
        """Return what was collected."""
        return Walk(chunks=tuple(self.chunks), whole=whole, limited=self.full, steps=self.steps)


def inflate(data: bytes | memoryview, limit: int = MAX_UNPACKED) -> tuple[bytes, bool]:
    """Return the unpacked bytes of a zlib stream, and whether they were all within the limit.

    A broken or cut stream gives what could be unpacked before the fault.
    """
    engine = zlib.decompressobj()
    parts: list[bytes] = []
    left = limit
    try:
        # In steps: bytes that came before a broken block would be lost with a single call.
        for start in range(0, len(data), 1 << 16):
            piece = data[start : start + (1 << 16)]
            while piece and left and not engine.eof:
                parts.append(engine.decompress(piece, left))
                left -= len(parts[-1])
                piece = engine.unconsumed_tail
            if engine.eof or not left:
                break
    except zlib.error:
        pass
    return b"".join(parts), bool(left) or engine.eof
