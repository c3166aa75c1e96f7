"""Dropping old lines: whole files go, their leaf hashes stay, and a line says so.

What is left still proves what it proved: the root is over the hashes.
"""

from datetime import date
from typing import NamedTuple

from detectors.storing.atomic import atomic_write
from provenance.audit.entry import HEAD, Forget
from provenance.audit.folder import Segment, read
from provenance.audit.log import AuditLog
from provenance.audit.tree import leaf


class Old(NamedTuple):
    """A file whose lines are all old enough."""

    segment: Segment
    first: int
    leaves: list[bytes]


def forget(log: AuditLog, before: date, reason: str) -> Forget | None:
    """Drop the files whose lines are all older than a day; return what the line about it says.

    The file that is being written always stays. A log that does not hold must be looked at first:
    what a hash alone is left of cannot be looked at any more.

    Args:
        log: whose files.
        before: UTC day; lines of this day and later ones stay.
        reason: why.

    Returns:
        None where no file is old enough.
    """
    old = _old(log, before)
    if not old:
        return None
    for each in old:
        atomic_write(log.folder.hashes(each.segment.number), b"".join(each.leaves))
    said = Forget(
        files=[each.segment.path.name for each in old],
        first=old[0].first,
        last=old[-1].first + len(old[-1].leaves) - 1,
        before=before.isoformat(),
        reason=reason,
    )
    log.add(forget=said)
    log.close()
    for each in old:
        each.segment.path.unlink()
    return said


def _old(log: AuditLog, before: date) -> list[Old]:
    """Return the files, from the first one that is there on, whose lines are all old enough."""
    found, n = list[Old](), 0
    for segment in log.folder.segments()[:-1]:
        if segment.forgotten:
            n += segment.size // len(leaf(b""))
            continue
        lines = [line.data for line in read(segment)]
        if any(_day(line) >= before.isoformat() for line in lines):
            break
        found.append(Old(segment, n, [leaf(line) for line in lines]))
        n += len(lines)
    return found


def _day(line: bytes) -> str:
    return HEAD.decode(line).time[: len("2026-11-30")]
