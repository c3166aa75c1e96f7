"""A feed as its signatures vouch for it, read through TUF's client workflow (TUF 1.0, 5).

What was trusted before lies in one file of ours, not in a folder of the client, so that an update
that is refused, or killed, changes nothing of it: the client works on a copy.
"""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

import msgspec
from tuf.api.exceptions import DownloadError, RepositoryError
from tuf.api.metadata import Metadata, Root, TargetFile, Targets, Timestamp
from tuf.ngclient import Updater

from provenance.feeds import refusal
from provenance.feeds.form import ABOUT, FORMAT, NAME, PART, About
from provenance.feeds.refusal import RefusedError
from provenance.feeds.rows import unpacked
from provenance.feeds.source import source

if TYPE_CHECKING:
    from datetime import datetime

ROLES: Final = ("timestamp", "snapshot", "targets")
MOST_ABOUT: Final = 1 << 16
"""Bytes of `feed.json`."""
MOST_ROOT: Final = 512_000
"""Bytes of a root, as in tuf's own client."""


class Anchor(msgspec.Struct, frozen=True, kw_only=True):
    """What is trusted of a feed."""

    root: str
    """The newest root whose chain from the first one holds."""
    metadata: dict[str, str] = {}
    """Role → its metadata as last seen."""


class Trusted:
    """A feed whose metadata hold."""

    def __init__(self, updater: Updater, folder: Path) -> None:
        self._updater, self._folder = updater, folder
        self.anchor = self._anchor()
        targets = Metadata[Targets].from_bytes(self.anchor.metadata["targets"].encode())
        self.targets: Mapping[str, TargetFile] = targets.signed.targets
        stamp = Metadata[Timestamp].from_bytes(self.anchor.metadata["timestamp"].encode())
        self.expires: datetime = stamp.signed.expires
        self.about = self._about()

    def _anchor(self) -> Anchor:
        """Return what is trusted now."""
        root = (self._folder / "root.json").read_text("utf-8")
        return Anchor(
            root=root,
            metadata={each: (self._folder / f"{each}.json").read_text("utf-8") for each in ROLES},
        )

    def _about(self) -> About:
        """Return what the feed says of itself.

        Raises:
            RefusedError: it is of another form.
        """
        try:
            said = msgspec.json.decode(self.target(ABOUT, MOST_ABOUT), type=About)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise RefusedError("form", f"{ABOUT}: {error}") from error
        if said.format != FORMAT:
            raise RefusedError("form", f"{ABOUT}: format {said.format[:40]!r}, not {FORMAT!r}")
        if not NAME.fullmatch(said.name) or said.sequence < 0:
            raise RefusedError("form", f"{ABOUT}: name {said.name[:40]!r}")
        return said

    def target(self, name: str, most: int = PART) -> bytes:
        """Return the bytes of a target.

        Args:
            name: of one of our own forms; no other name is ever asked for.
            most: bytes that it may have.

        Raises:
            RefusedError: it is missing, or not what was signed.
        """
        info = self.targets.get(name)
        if info is None:
            raise RefusedError("missing", name)
        if info.length > most:
            raise RefusedError("length", name)
        path = self._folder / "target"
        try:
            self._updater.download_target(info, str(path))
        except (RepositoryError, DownloadError) as error:
            raise refusal.of(error) from error
        return path.read_bytes()

    def unpacked(self, name: str) -> bytes:
        """Return the lines of a target.

        Raises:
            RefusedError: it is missing, not what was signed, not packed, or too large.
        """
        try:
            return unpacked(self.target(name))
        except ValueError as error:
            raise RefusedError("endless", f"{name}: {error}") from error


@contextmanager
def trusted(location: str, anchor: Anchor) -> Iterator[Trusted]:
    """Yield a feed as it is now, if its signatures hold.

    Args:
        location: a folder, or an address.
        anchor: what is trusted of it.

    Raises:
        RefusedError: they do not.
        ConfigError: the location cannot be used.
    """
    base, fetcher = source(location)
    with TemporaryDirectory(prefix="provenance-feed-") as name:
        folder = Path(name)
        for role, data in anchor.metadata.items():
            (folder / f"{role}.json").write_text(data, "utf-8")
        try:
            updater = Updater(
                name, f"{base}metadata/", name, f"{base}targets/", fetcher,
                bootstrap=anchor.root.encode(),
            )  # fmt: skip
            updater.refresh()
        except (RepositoryError, DownloadError) as error:
            raise refusal.of(error) from error
        yield Trusted(updater, folder)


def first_root(location: str, root: Path | None, fingerprint: str | None) -> Anchor:
    """Return the anchor of a feed that nothing was seen of yet.

    Args:
        location: of the feed, where its first root is asked for if only its fingerprint is known.
        root: file of the root, as the publisher gave it.
        fingerprint: SHA-256 of the bytes of the first root, hex.

    Raises:
        RefusedError: the feed has another root, or none.
    """
    if root is not None:
        data = root.read_bytes()
    else:
        base, fetcher = source(location)
        try:
            data = fetcher.download_bytes(f"{base}metadata/1.root.json", MOST_ROOT)
        except DownloadError as error:
            raise refusal.of(error) from error
        found = hashlib.sha256(data).hexdigest()
        if found != (fingerprint or "").lower().replace(":", "").strip():
            raise RefusedError("root", f"its fingerprint is {found}")
    try:
        Metadata[Root].from_bytes(data)
    except RepositoryError as error:
        raise refusal.of(error) from error
    return Anchor(root=data.decode())
