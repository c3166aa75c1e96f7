"""The form of a feed: what its targets are called, what `feed.json` says, how large parts are."""

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

import msgspec

from detectors.errors import ConfigError

FORMAT: Final = "provenance.feed/1"
ABOUT: Final = "feed.json"
NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,40}")
"""A feed's name is the name of a folder here, and of a target of those who answer."""
PART: Final = 64 << 20
"""Most bytes of a part, unpacked."""
MOST_PARTS: Final = 64
SEQUENCE: Final = r"(0|[1-9][0-9]{0,14})"
_SNAPSHOT: Final = re.compile(rf"entries/snapshot-{SEQUENCE}(?:\.([1-9][0-9]?))?\.jsonl\.gz")
_DELTA: Final = re.compile(rf"entries/delta-{SEQUENCE}-{SEQUENCE}\.jsonl\.gz")


class About(msgspec.Struct, frozen=True, kw_only=True):
    """`feed.json`: what a feed says of itself."""

    format: str
    name: str
    publisher: str
    contact: str
    tlp: str
    """The strictest TLP of its entries."""
    classes: list[str]
    algorithms: list[str]
    sequence: int
    """Goes up by one with each change of the entries."""
    license: str | None = None


class Delta(NamedTuple):
    """The target that leads from one sequence to another."""

    start: int
    end: int
    target: str


def checked_name(name: str) -> str:
    """Return a feed's name back, if it may be one.

    Raises:
        ConfigError: it may not.
    """
    if not NAME.fullmatch(name):
        raise ConfigError(
            f"the name {name[:80]!r} of a feed: use 1 to 40 of the letters A-Z and a-z, digits, _"
            " and -"
        )
    return name


def snapshot_target(sequence: int, part: int) -> str:
    """Return the name of a part of a snapshot, counted from 1; the first has no number."""
    return f"entries/snapshot-{sequence}{f'.{part}' if part > 1 else ''}.jsonl.gz"


def delta_target(start: int, end: int) -> str:
    """Return the name of the change from one sequence to another."""
    return f"entries/delta-{start}-{end}.jsonl.gz"


def snapshot_parts(targets: Iterable[str], sequence: int) -> list[str]:
    """Return the names of the parts of a snapshot in their order; none where there is none."""
    found = [(int(at[2] or 0), at[0]) for each in targets if (at := _SNAPSHOT.fullmatch(each))]
    return [name for _, name in sorted(found) if _sequence_of(name) == sequence]


def _sequence_of(snapshot: str) -> int:
    found = _SNAPSHOT.fullmatch(snapshot)
    return int(found[1]) if found else -1


def deltas(targets: Iterable[str]) -> list[Delta]:
    """Return the changes among some targets, by where they start."""
    found = [(at, each) for each in targets if (at := _DELTA.fullmatch(each))]
    return sorted(Delta(int(at[1]), int(at[2]), each) for at, each in found)


def path_of_deltas(targets: Iterable[str], start: int, end: int) -> list[str] | None:
    """Return the changes that lead from one sequence to another; None where some are missing."""
    steps: dict[int, Delta] = {}
    for each in deltas(targets):
        if each.start < each.end <= end:
            steps[each.start] = each  # the farthest, since they are sorted by their ends too
    found, at = list[str](), start
    while at != end:
        if at not in steps:
            return None
        found.append(steps[at].target)
        at = steps[at].end
    return found
