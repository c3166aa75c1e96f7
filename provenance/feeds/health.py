"""What `doctor` says of feeds."""

from collections.abc import Iterator
from datetime import datetime

import msgspec

from detectors.bank.feeds import OLD_DAYS
from provenance.feeds import follow, keys
from provenance.feeds.keys import KeyFolders


def followed(now: datetime) -> Iterator[tuple[str, bool, str]]:
    """Yield name, freshness and state in words of the feeds that are followed.

    Args:
        now: UTC.

    Raises:
        Error: what is remembered of one cannot be read.
    """
    today = now.date().isoformat()
    for feed in follow.followed():
        state = feed.state
        if state is None:
            yield feed.name, False, f"not updated yet: `provenance feed update {feed.name}`"
            continue
        age = state.age(today)
        said = f"sequence {state.sequence}, {age} days old"
        fresh = age <= OLD_DAYS and not state.expired(today)
        again = "" if fresh else f", expired: `provenance feed update {feed.name}`"
        yield feed.name, fresh, said + again


def keys_beside() -> Iterator[tuple[str, str]]:
    """Yield name and folder of feeds whose root keys lie beside the online ones."""
    for path in sorted((keys.folder() / "published").glob("*/keys.json")):
        where = msgspec.json.decode(path.read_bytes(), type=KeyFolders)
        if keys.beside(where):
            yield where.name, where.keys
