"""The folder of a feed as its publisher keeps it: metadata by TUF, and targets beside it.

Snapshots are consistent (TUF 1.0, 7): every file but the time stamp has its version or its digest
in its name, so that a feed may be copied to a server in any order as long as `timestamp.json` comes
last. What lies in the folder is believed no more than by a follower: it may lie on a server.
"""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from securesystemslib.signer import CryptoSigner
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, TargetFile, Targets, Timestamp

from detectors.errors import ConfigError, DamagedError
from detectors.storing.atomic import atomic_write
from provenance.feeds.keys import ONLINE, ROOT
from provenance.feeds.settings import Expires

THRESHOLD: Final = 2
ROOT_KEYS: Final = 3
TOO_FEW: Final = (
    "{have} of the keys of the root are at hand, which are too few; name their folders with"
    " --root-keys"
)
RESTORE: Final = "restore the folder from a copy, or publish into a new feed"


class Repository:
    """The metadata of a feed, verified."""

    def __init__(self, feed: Path, first: str | None = None) -> None:
        """Load the root and what it vouches for.

        Args:
            feed: the folder.
            first: SHA-256 that the first root has to have; None: any.

        Raises:
            ConfigError: there is no feed.
            DamagedError: a file is not what the keys have signed.
        """
        self.feed = feed
        self._roots = [self._root(1)]
        while self._path(f"{len(self._roots) + 1}.root.json").is_file():
            self._roots.append(self._root(len(self._roots) + 1))
        if first is not None and self.fingerprint != first:
            raise DamagedError(f"{feed}: its first root is another one than was made here", RESTORE)
        self.timestamp: Metadata[Timestamp] | None = None
        self.snapshot: Metadata[Snapshot] | None = None
        self.targets: Metadata[Targets] | None = None
        if self._path("timestamp.json").is_file():
            self.timestamp = self._role("timestamp", None)
            self.snapshot = self._role("snapshot", self.timestamp.signed.snapshot_meta.version)
            version = self.snapshot.signed.meta["targets.json"].version
            self.targets = self._role("targets", version)

    @property
    def root(self) -> Root:
        """The newest root."""
        return self._roots[-1].signed

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the first root's bytes, hex."""
        return hashlib.sha256(self._path("1.root.json").read_bytes()).hexdigest()

    @property
    def listed(self) -> dict[str, TargetFile]:
        """Name → length and digest of the targets."""
        return self.targets.signed.targets if self.targets else {}

    def target(self, name: str) -> bytes:
        """Return the bytes of a target.

        Raises:
            DamagedError: they are not what was signed.
        """
        path = self.feed / "targets" / self.listed[name].get_prefixed_paths()[0]
        try:
            data = path.read_bytes()
            self.listed[name].verify_length_and_hashes(data)
        except (OSError, RepositoryError) as error:
            raise DamagedError(f"{path}: is missing or was changed", RESTORE) from error
        return data

    def _path(self, name: str) -> Path:
        return self.feed / f"metadata/{name}"

    def _root(self, version: int) -> Metadata[Root]:
        """Return a root that the one before it and it itself have signed."""
        path = self._path(f"{version}.root.json")
        loaded = _loaded(path, Root)
        for by in (*self._roots[-1:], loaded) if version > 1 else (loaded,):
            _verify(by.signed, ROOT, loaded, path)
        return loaded

    def _role(self, role: str, version: int | None) -> Metadata[Any]:
        """Return the metadata of a role, signed by its key, or by that before the last rotation."""
        path = self._path(f"{role}.json" if version is None else f"{version}.{role}.json")
        loaded = _loaded(
            path, {"timestamp": Timestamp, "snapshot": Snapshot, "targets": Targets}[role]
        )
        try:
            _verify(self.root, role, loaded, path)
        except DamagedError:
            if len(self._roots) == 1:
                raise
            _verify(self._roots[-2].signed, role, loaded, path)
        return loaded

    def outdated(self, role: str, now: datetime, expires: Expires) -> bool:
        """Tell whether a role has to be signed anew: another key, or half of its time is over."""
        found: Metadata[Any] = getattr(self, role)
        if found.signed.expires - now < expires.of(role) / 2:
            return True
        try:
            self.root.verify_delegate(role, found.signed_bytes, found.signatures)
        except RepositoryError:
            return True
        return False

    def write_targets(
        self, kept: Iterable[str], new: Mapping[str, tuple[bytes, dict[str, Any]]]
    ) -> dict[str, TargetFile]:
        """Write new targets beside the old ones, and return all that are to be listed.

        Args:
            kept: names of targets that stay as they are.
            new: name → bytes, and what is signed about them besides.
        """
        listed = {name: self.listed[name] for name in kept}
        for name, (data, custom) in new.items():
            info = TargetFile.from_data(name, data, ["sha256"])
            if custom:
                info.unrecognized_fields["custom"] = custom
            path = self.feed / "targets" / info.get_prefixed_paths()[0]
            path.parent.mkdir(parents=True, exist_ok=True)
            atomic_write(path, data)
            listed[name] = info
        return dict(sorted(listed.items()))

    def sign(
        self,
        keys: Mapping[str, CryptoSigner],
        now: datetime,
        expires: Expires,
        listed: dict[str, TargetFile] | None = None,
    ) -> None:
        """Sign what changed and the time stamp, which goes last, and remove what is not named.

        Args:
            keys: of the online roles.
            now: UTC.
            expires: for how long.
            listed: all targets; None: those that are listed.
        """
        renew = listed is not None or self.targets is None
        if renew or self.outdated("targets", now, expires):
            targets = Targets(
                version=self.targets.signed.version + 1 if self.targets else 1,
                expires=now + expires.of("targets"),
                targets=self.listed if listed is None else listed,
            )
            self.targets = self._signed(targets, keys["targets"])
            renew = True
        if renew or self.snapshot is None or self.outdated("snapshot", now, expires):
            snapshot = Snapshot(
                version=self.snapshot.signed.version + 1 if self.snapshot else 1,
                expires=now + expires.of("snapshot"),
                meta={"targets.json": self._meta("targets")},
            )
            self.snapshot = self._signed(snapshot, keys["snapshot"])
        stamp = Timestamp(
            version=self.timestamp.signed.version + 1 if self.timestamp else 1,
            expires=now + expires.of("timestamp"),
            snapshot_meta=self._meta("snapshot"),
        )
        self.timestamp = self._signed(stamp, keys["timestamp"])
        self._sweep()

    def enough(self, signers: list[CryptoSigner]) -> None:
        """Do nothing where some keys can sign a new root.

        Raises:
            ConfigError: they are too few.
        """
        if len(signers) < self.root.roles[ROOT].threshold:
            raise ConfigError(TOO_FEW.format(have=len(signers)))

    def add_root(self, root: Root, signers: Iterable[CryptoSigner]) -> None:
        """Sign a root and put it behind the others.

        Raises:
            ConfigError: the signatures are too few, of the old keys or of the new.
        """
        made = Metadata(root)
        for signer in signers:
            made.sign(signer, append=True)
        for by in (*self._roots[-1:], made):
            if not by.signed.get_verification_result(ROOT, made.signed_bytes, made.signatures):
                raise ConfigError(TOO_FEW.format(have=len(made.signatures)))
        atomic_write(self._path(f"{root.version}.root.json"), made.to_bytes())
        self._roots.append(made)

    def _signed(self, signed: Any, key: CryptoSigner) -> Metadata[Any]:
        """Sign a role's metadata and write it."""
        made = Metadata(signed)
        made.sign(key)
        role = signed.type
        name = f"{role}.json" if role == "timestamp" else f"{signed.version}.{role}.json"
        atomic_write(self._path(name), made.to_bytes())
        return made

    def _meta(self, role: str) -> MetaFile:
        """Return version, length and digest of a role's file."""
        version = getattr(self, role).signed.version
        data = self._path(f"{version}.{role}.json").read_bytes()
        return MetaFile.from_data(version, data, ["sha256"])

    def _sweep(self) -> None:
        """Remove targets that are not listed, and metadata but for the last two of each role."""
        wanted = {path for info in self.listed.values() for path in info.get_prefixed_paths()}
        targets = self.feed / "targets"
        for path in [*targets.rglob("*")]:
            if path.is_file() and path.relative_to(targets).as_posix() not in wanted:
                path.unlink()
        for role in ONLINE[:2]:
            version = getattr(self, role).signed.version
            for path in self._path("").glob(f"*.{role}.json"):
                if path.name.split(".")[0] not in (str(version), str(version - 1)):
                    path.unlink()


def first_root(
    feed: Path, roots: Iterable[CryptoSigner], online: Mapping[str, CryptoSigner],
    threshold: int, until: datetime,
) -> None:  # fmt: skip
    """Write the first root of a feed, signed by all its keys."""
    root = Root(version=1, expires=until, consistent_snapshot=True)
    signers = [*roots]
    for signer in signers:
        root.add_key(signer.public_key, ROOT)
    for role, signer in online.items():
        root.add_key(signer.public_key, role)
    root.roles[ROOT].threshold = threshold
    made = Metadata(root)
    for signer in signers:
        made.sign(signer, append=True)
    path = feed / "metadata/1.root.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(path, made.to_bytes())


def _loaded(path: Path, kind: type) -> Metadata[Any]:
    """Load the metadata of a file.

    Raises:
        ConfigError: it is not there.
        DamagedError: it is something else.
    """
    try:
        found: Metadata[Any] = Metadata.from_bytes(path.read_bytes())
    except FileNotFoundError:
        raise ConfigError(f"{path}: is missing; this is no feed, or not all of it") from None
    except (OSError, RepositoryError) as error:
        raise DamagedError(f"{path}: cannot be read ({error})", RESTORE) from error
    if not isinstance(found.signed, kind):
        raise DamagedError(f"{path}: is of another role", RESTORE)
    return found


def _verify(root: Root, role: str, found: Metadata[Any], path: Path) -> None:
    try:
        root.verify_delegate(role, found.signed_bytes, found.signatures)
    except (RepositoryError, ValueError) as error:
        raise DamagedError(f"{path}: is not signed by the keys of this feed", RESTORE) from error
