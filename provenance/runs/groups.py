"""Groups of a run: what occurs more than once, to the byte or as one picture."""

import heapq
import json
from collections.abc import Iterator
from functools import partial
from multiprocessing.connection import Connection
from os.path import normpath
from pathlib import Path
from typing import Any, BinaryIO, Final

import msgspec

from detectors.errors import UnavailableError
from provenance.engine.child import Child
from provenance.intake.files import uri
from provenance.runs.ledger import Ledger, Shown, likenesses, of_contents

SAME_BYTES: Final = "same_bytes"
SAME_PICTURE: Final = "same_picture"


class Group(msgspec.Struct, frozen=True):
    """Items that are one."""

    kind: str
    count: int
    """Items."""
    contents: list[bytes]
    """SHA-256 of their bytes."""
    facts: dict[str, Any]
    """What else is said of it."""


def write(ledger: Ledger, out: BinaryIO, *, pictures: bool) -> dict[str, int]:
    """Write the groups, largest first, one a line; return how many there are of each kind.

    Args:
        ledger: of the run.
        out: where to.
        pictures: whether those of one picture are told too.
    """
    counts = {SAME_BYTES: 0, SAME_PICTURE: 0}
    alike = _same_picture(ledger) if pictures else iter(())
    for group in heapq.merge(alike, _same_bytes(ledger), key=lambda group: -group.count):
        counts[group.kind] += 1
        out.write(b'{"kind":' + msgspec.json.encode(group.kind) + b',"items":[')
        shown = ledger.of_contents(group.contents, posts=group.kind == SAME_PICTURE)
        out.write(b",".join(msgspec.json.encode(item.uri) for item in shown))
        out.write(b"]," + msgspec.json.encode(group.facts)[1:] + b"\n")
    return counts


def _same_bytes(ledger: Ledger) -> Iterator[Group]:
    """Yield the groups of equal bytes, largest first."""
    for content, count in ledger.equal_bytes():
        yield Group(SAME_BYTES, count, [content], {"sha256": content.hex()})


def _same_picture(ledger: Ledger) -> Iterator[Group]:
    """Yield the groups of one picture, largest first, as a process of its own finds them.

    Raises:
        UnavailableError: it ended before it had.
    """
    ledger.commit()
    child = Child(partial(_send, ledger.path))
    try:
        while (group := child.pipe.recv()) is not None:
            yield group
    except EOFError:
        how = "see how much memory there is, and call the command again"
        raise UnavailableError("the pictures of the run could not be compared", how) from None
    finally:
        child.kill()


def _send(ledger: Path, pipe: Connection) -> None:
    """Send the groups of one picture, and None behind them."""
    from detectors.bank.grouping import same_pictures  # numpy and cv2

    known = likenesses(ledger)
    found = [
        (group.members, group.max_distance, float(f"{group.chance:.3g}"))
        for group in same_pictures([likeness for _, likeness, *_ in known])
    ]
    joined = {member for members, *_ in found for member in members}
    found += [
        ([member], 0, 0.0)  # one file that posts show: nothing to be mistaken about
        for member, (_, _, _, posts, _) in enumerate(known)
        if posts and member not in joined
    ]
    groups = []
    for members, distance, chance in found:
        rows = [known[member] for member in members]
        contents = [content for content, *_ in rows]
        count = sum(files for _, _, files, _, _ in rows)
        if any(posts for _, _, _, posts, _ in rows):
            shown = of_contents(ledger, contents)
            count = len(shown) if _several(shown) else 0
        if count > 1:
            facts = {"max_distance": distance, "false_group_probability": chance}
            first = min(first for *_, first in rows)
            groups.append((-count, first, Group(SAME_PICTURE, count, contents, facts)))
    for _, _, group in sorted(groups, key=lambda each: each[:2]):
        pipe.send(group)
    pipe.send(None)


def _several(shown: list[Shown]) -> bool:
    """Tell whether a picture occurs more than once: a file and the post that shows it are once."""
    files = {normpath(item.uri) for item in shown if item.media is None}
    posts = [json.loads(item.media) for item in shown if item.media is not None]
    read = {normpath(name) for names in posts for path in names for name in (path, uri(path))}
    return max(len(files), len(posts) + len(files - read)) > 1
