"""Whether a log holds: every line, the chain, the bodies that lines name, and the signed roots.

(1) The checkpoint is signed by the key. (2) Line `n` says `n`, and the SHA-256 of line `n - 1`; it
is canonical. (3) Settings and policies that it names lie beside the log with these digests. (4) The
root of as many lines as a checkpoint says is the root that it says: the log's own, and one kept
elsewhere. (5) Lines of which only hashes are left were dropped by `forget`, which says so in a line
behind them. (6) What lies behind the last line feed is unfinished.
"""

from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import NamedTuple

from detectors.decode.untrusted import MALFORMED
from detectors.signal import Reason
from provenance.audit import checkpoint
from provenance.audit.checkpoint import Checkpoint
from provenance.audit.entry import HEAD, Forget, Head
from provenance.audit.folder import HASH, LogFolder, Segment, digest, hashes, read
from provenance.audit.keys import PublicKey
from provenance.audit.tree import Tree, leaf
from provenance.canonical import canonical_json


class Verified(NamedTuple):
    """What was found."""

    fault: Reason | None
    """The first thing that does not hold."""
    torn: int
    """Bytes of an unfinished last line."""
    lines: int
    """Lines that hold."""
    signed: int
    """Lines that the log's checkpoint covers."""
    forgotten: Sequence[Forget]
    """What was dropped, said by lines of the log."""


class _Fault(Exception):  # noqa: N818 - what a log lacks
    def __init__(self, code: str, **args: object) -> None:
        super().__init__(code)
        self.reason = Reason(f"audit.{code}", args)


def verify(folder: LogFolder, key: PublicKey, outside: bytes | None = None) -> Verified:
    """Return whether a log holds.

    Args:
        folder: of the log.
        key: that signs it.
        outside: a checkpoint that was kept elsewhere.

    Raises:
        UnavailableError: something cannot be read.
    """
    with folder.resting():
        note, segments = folder.note(), folder.segments()
    walk = _Walk(folder, key)
    try:
        own = walk.checkpoint(note, "own")
        kept = walk.checkpoint(outside, "outside") if outside is not None else None
        walk.lines(segments, [own, kept] if kept else [own])
    except _Fault as fault:
        return Verified(fault.reason, walk.torn, walk.tree.size, 0, walk.forgotten)
    return Verified(None, walk.torn, walk.tree.size, own.size, walk.forgotten)


class _Walk:
    """A walk over the lines, from the first on."""

    def __init__(self, folder: LogFolder, key: PublicKey) -> None:
        self._folder, self._key = folder, key
        self.tree = Tree()
        self.torn = 0
        self.forgotten = list[Forget]()
        self._prev: str | None = digest(key.name.encode())
        """Digest of the line before; None where that was dropped."""
        self._dropped = list[tuple[int, int]]()
        """First and last line of each file of which only hashes are left."""
        self._known = set[str]()
        """Settings and policies that hold."""
        self._due: list[Checkpoint] = []

    def checkpoint(self, note: bytes, which: str) -> Checkpoint:
        """Return a checkpoint that is signed (1)."""
        if not note:
            raise _Fault("checkpoint_missing")
        found = checkpoint.opened(note, self._key)
        if found is None or found.origin != self._key.name:
            raise _Fault(f"checkpoint_{which}", key=self._key.verifier)
        return found

    def lines(self, segments: Sequence[Segment], due: list[Checkpoint]) -> None:
        """Go over all files."""
        self._due = due
        self._reached()
        for number, segment in enumerate(segments):
            if segment.number != number:
                raise _Fault("file_missing", n=self.tree.size, file=f"{number:06}.jsonl")
            if segment.forgotten:
                self._hashes(segment)
                continue
            for line in self._whole(segment, last=number + 1 == len(segments)):
                self._line(line)
        for each in self._due:
            raise _Fault("cut", n=self.tree.size, size=each.size)
        for first, last in self._dropped:
            if not any(f.first <= first and last <= f.last for f in self.forgotten):
                raise _Fault("dropped", n=first, last=last)

    def _whole(self, segment: Segment, *, last: bool) -> Iterator[bytes]:
        """Yield the lines of a file (6)."""
        for line in read(segment):
            if line.whole:
                yield line.data
            elif last:
                self.torn = len(line.data)
            else:
                raise _Fault("torn_inside", n=self.tree.size, file=segment.path.name)

    def _line(self, line: bytes) -> None:
        """Go over a line (2, 3)."""
        n = self.tree.size
        try:
            head, written = HEAD.decode(line), canonical_json(line)
        except (*MALFORMED, ValueError):
            raise _Fault("no_line", n=n) from None
        if head.n != n:
            raise _Fault("missing" if head.n > n else "order", n=n, found=head.n)
        if self._prev is not None and head.prev != self._prev:
            raise _Fault("chain", n=max(n - 1, 0), next=n)
        if written != line:
            raise _Fault("canonical", n=n)
        self._bodies(head)
        if head.forget is not None:
            self.forgotten.append(head.forget)
        self._prev = sha256(line).hexdigest()
        self.tree.add(leaf(line))
        self._reached()

    def _bodies(self, head: Head) -> None:
        """Look at the settings and the policy that a line names (3)."""
        named = ((head.settings, self._folder.settings), (head.policy, self._folder.policy))
        for sha, path_of in named:
            if sha is None or sha in self._known:
                continue
            path = path_of(sha)
            try:
                holds = digest(path.read_bytes()) == sha
            except OSError:
                holds = False
            if not holds:
                raise _Fault("body", n=head.n, file=f"{path.parent.name}/{path.name}")
            self._known.add(sha)

    def _hashes(self, segment: Segment) -> None:
        """Go over the hashes of a file that was dropped (5)."""
        first = self.tree.size
        if not segment.size or segment.size % HASH:
            raise _Fault("hashes", n=first, file=segment.path.name)
        for hashed in hashes(segment):
            self.tree.add(hashed)
            self._reached()
        self._dropped.append((first, self.tree.size - 1))
        self._prev = None

    def _reached(self) -> None:
        """Compare the root where a checkpoint says one (4)."""
        if any(each.size == self.tree.size for each in self._due):
            root = self.tree.root
            for each in [each for each in self._due if each.size == self.tree.size]:
                if each.root != root:
                    raise _Fault("root", n=max(each.size - 1, 0), size=each.size)
                self._due.remove(each)
