"""The end of a log, as a writer knows it: where the next line goes, and what it continues.

A writer takes up the end that the last checkpoint was signed over. `tree.json` remembers it, but
for the last line, which is read again: together they must give the signed root, so nothing rests on
what lies in that file. Without it every line is read.
"""

from typing import Final

import msgspec

from detectors.decode.untrusted import MALFORMED
from provenance.audit.checkpoint import Checkpoint
from provenance.audit.folder import LogFolder, digest, hashes, read
from provenance.audit.tree import Tree, leaf

FEED: Final = b"\n"


class State(msgspec.Struct, frozen=True, kw_only=True):
    """`tree.json`: the tree at the last checkpoint, but for its last line."""

    size: int
    """Lines of the checkpoint."""
    file: int
    """Number of the file of its last line."""
    start: int
    stop: int
    """Where that line lies, its line feed included."""
    peaks: list[bytes]
    """Of the tree of one line less."""


class End:
    """The end of a log."""

    def __init__(self, name: str) -> None:
        """Begin where a log of this name begins."""
        self.tree = Tree()
        self.prev = digest(name.encode())
        """Digest of the last line; of the name, where there is none."""
        self.file = 0
        """Number of the last file."""
        self.start = 0
        """Where its last line begins."""
        self.stop = 0
        """Bytes of its whole lines."""

    def take(self, line: bytes) -> None:
        """Know of one more line, which lies there.

        Args:
            line: without its line feed.
        """
        self.tree.add(leaf(line))
        self.prev = digest(line)
        self.start, self.stop = self.stop, self.stop + len(line) + len(FEED)

    def turn_to(self, number: int) -> None:
        """Know of another file behind the last one."""
        self.file, self.start, self.stop = number, 0, 0

    @property
    def state(self) -> State:
        """What is remembered."""
        return State(
            size=self.tree.size,
            file=self.file,
            start=self.start,
            stop=self.stop,
            peaks=list(self.tree.before),
        )


def signed_end(folder: LogFolder, signed: Checkpoint) -> End | None:
    """Return the end that a checkpoint was signed over; None where the lines are not those.

    Args:
        folder: of the log.
        signed: its checkpoint.

    Raises:
        UnavailableError: the log cannot be read.
    """
    end = _remembered(folder, signed) or _read_again(folder, signed)
    return end if end.tree.root == signed.root else None


def _remembered(folder: LogFolder, signed: Checkpoint) -> End | None:
    """Return the end that the last writer left, None where it does not give the root."""
    end = End(signed.origin)
    try:
        state = msgspec.json.decode(folder.tree.read_bytes(), type=State)
        with folder.lines(state.file).open("rb") as file:
            file.seek(state.start)
            line = file.read(max(state.stop - state.start, 0))
    except (OSError, ValueError, *MALFORMED):
        return None
    if state.size != signed.size or len(state.peaks) != (state.size - 1).bit_count():
        return None
    end.tree = Tree(state.peaks, state.size - 1)
    end.turn_to(state.file)
    end.stop = state.start
    end.take(line.removesuffix(FEED))
    whole = line.endswith(FEED) and end.stop == state.stop
    return end if whole and end.tree.root == signed.root else None


def _read_again(folder: LogFolder, signed: Checkpoint) -> End:
    """Return the end behind as many lines as the checkpoint covers, as far as they are there."""
    end = End(signed.origin)
    for segment in folder.segments():
        if end.tree.size >= signed.size:
            break
        if segment.forgotten:
            for hashed in hashes(segment):
                end.tree.add(hashed)
            continue
        end.turn_to(segment.number)
        for line in read(segment):
            if end.tree.size < signed.size and line.whole:
                end.take(line.data)
    return end
