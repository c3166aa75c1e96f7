"""What a worker writes into its pipe: messages of a kind and some bytes.

The parent takes what there is at once, so that many small messages cost one call, and half of a
message makes it wait for nobody.
"""

import os
import struct
from typing import Final

HEADER: Final = struct.Struct("=cQ")
"""Kind of a message, and how many bytes follow."""
AT_ONCE: Final = 2**18
"""Bytes that are read at a time: more than the pipe holds."""


def put(descriptor: int, *messages: tuple[bytes, bytes]) -> None:
    """Write messages.

    Args:
        descriptor: of the pipe.
        messages: kind (one byte) and contents of each.

    Raises:
        OSError: the parent is gone.
    """
    left = b"".join(HEADER.pack(kind, len(body)) + body for kind, body in messages)
    while left:
        left = left[os.write(descriptor, left) :]


class Messages:
    """The messages that come out of a pipe."""

    def __init__(self, descriptor: int) -> None:
        """Take over the end of the pipe that is read."""
        self._descriptor, self._read = descriptor, bytearray()

    def read(self) -> list[tuple[bytes, bytes]]:
        """Return the messages that have come as a whole, after waiting for any bytes.

        Raises:
            EOFError: no more is to come.
            OSError: no more is to come, and the writer has not read all that it was sent.
        """
        read = os.read(self._descriptor, AT_ONCE)
        if not read:
            raise EOFError
        self._read += read
        whole, at = [], 0
        while len(self._read) >= at + HEADER.size:
            kind, size = HEADER.unpack_from(self._read, at)
            end = at + HEADER.size + size
            if end > len(self._read):
                break
            whole.append((kind, bytes(self._read[at + HEADER.size : end])))
            at = end
        del self._read[:at]
        return whole
