"""What a feed says of itself, in lines."""

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from provenance.feeds.form import ABOUT, About
from provenance.feeds.keys import ONLINE, ROOT

if TYPE_CHECKING:
    from provenance.feeds.repository import Repository


def described(repository: "Repository", now: datetime) -> Iterator[str]:
    """Yield what is known of a feed.

    Args:
        repository: its folder.
        now: UTC.
    """
    if ABOUT in repository.listed:
        said = msgspec.json.decode(repository.target(ABOUT), type=About)
        yield f"{said.name}: {said.publisher} ({said.contact}), TLP:{said.tlp}"
        yield f"  sequence {said.sequence}; classes: {', '.join(said.classes) or 'none'}"
        if said.license:
            yield f"  license: {said.license}"
    else:
        yield "nothing was published yet"
    yield f"  fingerprint {repository.fingerprint}"
    yield from _roles(repository, now)


def _roles(repository: "Repository", now: datetime) -> Iterator[str]:
    """Yield version, keys and expiry of each role."""
    for name in (ROOT, *ONLINE):
        if name != ROOT and repository.targets is None:
            continue  # nothing was published yet
        signed = repository.root if name == ROOT else getattr(repository, name).signed
        role = repository.root.roles[name]
        over = " (expired)" if signed.expires < now else ""
        yield (
            f"  {name:<10}version {signed.version}, {role.threshold} of {len(role.keyids)} keys,"
            f" until {signed.expires:%Y-%m-%d %H:%M} UTC{over}"
        )
