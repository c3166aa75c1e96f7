"""Merkle trees of lines: RFC 6962, section 2.1.

Leaf = SHA-256(0x00 ‖ line), node = SHA-256(0x01 ‖ left ‖ right).
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Final

EMPTY: Final = sha256().digest()
"""Root of a tree without leaves."""


def leaf(line: bytes) -> bytes:
    """Return the hash of a line without its line feed."""
    return sha256(b"\0" + line).digest()


def node(left: bytes, right: bytes) -> bytes:
    """Return the hash of a node."""
    return sha256(b"\1" + left + right).digest()


class Tree:
    """A tree that grows at its right, kept as the roots of its perfect subtrees."""

    def __init__(self, peaks: Iterable[bytes] = (), size: int = 0) -> None:
        """Take up a tree.

        Args:
            peaks: roots of the perfect subtrees, the largest first.
            size: leaves.
        """
        self.peaks, self.size = list(peaks), size
        self.before: tuple[bytes, ...] = ()
        """The peaks without the last leaf."""

    def add(self, hashed: bytes) -> None:
        """Add a leaf."""
        self.before = tuple(self.peaks)
        size = self.size
        while size & 1:
            hashed = node(self.peaks.pop(), hashed)
            size >>= 1
        self.peaks.append(hashed)
        self.size += 1

    @property
    def root(self) -> bytes:
        """Root hash, 32 bytes."""
        if not self.peaks:
            return EMPTY
        root = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            root = node(peak, root)
        return root


def path(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    """Return the inclusion proof of a leaf: the siblings on its way to the root.

    Args:
        index: of the leaf, from 0.
        leaves: all hashes.
    """
    proof, level = list[bytes](), list(leaves)
    while len(level) > 1:
        if index ^ 1 < len(level):
            proof.append(level[index ^ 1])
        alone = level[-1:] if len(level) & 1 else []
        level = [node(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)] + alone
        index >>= 1
    return proof


def included(hashed: bytes, index: int, size: int, proof: Iterable[bytes], root: bytes) -> bool:
    """Tell whether a proof leads from a leaf to the root: RFC 9162, section 2.1.3.2."""
    if not 0 <= index < size:
        return False
    at, last = index, size - 1
    for sibling in proof:
        if last == 0:
            return False
        if at & 1 or at == last:
            hashed = node(sibling, hashed)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            hashed = node(hashed, sibling)
        at, last = at >> 1, last >> 1
    return last == 0 and hashed == root
