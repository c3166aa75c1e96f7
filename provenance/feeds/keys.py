"""The keys of a feed: one file each, outside the feed, readable by nobody else.

A file is called after its role and the beginning of its key's id. The keys of the root are needed
to replace keys, and for nothing else, so that they can lie where no network reaches.
"""

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from detectors.errors import ConfigError, UnavailableError
from detectors.storing.atomic import write_json

if TYPE_CHECKING:
    from securesystemslib.signer import CryptoSigner

ROOT: Final = "root"
ONLINE: Final = ("targets", "snapshot", "timestamp")
"""Roles whose keys publishing needs."""
SHOWN: Final = 12
"""Digits of a key's id in the name of its file."""
Passphrase = Callable[[], bytes]


class KeyFolders(msgspec.Struct, frozen=True, kw_only=True):
    """Where the keys of a feed lie, as `init` noted it on this machine."""

    name: str
    """Of the feed."""
    keys: str
    """Folder of the online keys."""
    root_keys: list[str]
    """Folders of the keys of the root."""


def folder() -> Path:
    """Return the folder of feeds in the user's data folder."""
    from platformdirs import user_data_path

    return user_data_path("provenance") / "feeds"


def noted(fingerprint: str) -> Path:
    """Return where it is noted on this machine where the keys of a feed lie.

    Args:
        fingerprint: of the feed.
    """
    return folder() / "published" / fingerprint[:32] / "keys.json"


def note(fingerprint: str, where: KeyFolders) -> None:
    """Note on this machine where the keys of a feed lie."""
    path = noted(fingerprint)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, where)


def folders(fingerprint: str, keys: Path | None, root_keys: Iterable[Path]) -> KeyFolders:
    """Return where the keys of a feed lie: as said now, else as noted.

    Raises:
        ConfigError: neither is.
    """
    path = noted(fingerprint)
    known = None
    if path.is_file():
        known = msgspec.json.decode(path.read_bytes(), type=KeyFolders)
    said = [str(each.absolute()) for each in root_keys]
    if keys is not None:
        at = str(keys.absolute())
        return KeyFolders(name=known.name if known else "", keys=at, root_keys=said or [at])
    if known is None:
        raise ConfigError("the keys of this feed were not made on this machine; name --keys DIR")
    return msgspec.structs.replace(known, root_keys=said) if said else known


def beside(where: KeyFolders) -> list[Path]:
    """Return the files of root keys that lie in the folder of online keys."""
    return sorted(Path(where.keys).glob(f"{ROOT}-*.pem"))


def make(role: str, where: Path, secret: bytes | None) -> "CryptoSigner":
    """Make a key and write its file, mode 600.

    Args:
        role: `root`, `targets`, `snapshot` or `timestamp`.
        where: the folder.
        secret: passphrase that encrypts it; None: none does.

    Raises:
        UnavailableError: it cannot be written.
    """
    from cryptography.hazmat.primitives import serialization as form
    from securesystemslib.signer import CryptoSigner

    signer = CryptoSigner.generate_ed25519()
    lock: form.KeySerializationEncryption = form.NoEncryption()
    if secret is not None:
        lock = form.BestAvailableEncryption(secret)
    key = form.load_pem_private_key(signer.private_bytes, None)
    data = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, lock)
    path = where / f"{role}-{signer.public_key.keyid[:SHOWN]}.pem"
    try:
        where.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(handle)
    except OSError as error:
        what = f"{path}: cannot be written: {error.strerror}"
        raise UnavailableError(what, "name a folder that is yours to write to") from error
    return signer


def load(
    role: str, ids: Iterable[str], where: Iterable[Path], ask: Passphrase
) -> "list[CryptoSigner]":
    """Return the keys of a role that lie in some folders.

    Args:
        role: that they belong to.
        ids: of the keys that the root names.
        where: the folders.
        ask: gives the passphrase of an encrypted key.

    Raises:
        ConfigError: a file holds no such key, or the passphrase is wrong.
    """
    found = []
    for keyid in ids:
        for each in where:
            path = each / f"{role}-{keyid[:SHOWN]}.pem"
            if path.is_file():
                found.append(_read(path, keyid, ask))
                break
    return found


def _read(path: Path, keyid: str, ask: Passphrase) -> "CryptoSigner":
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization as form
    from securesystemslib.signer import CryptoSigner

    try:
        data = path.read_bytes()
        locked = b"ENCRYPTED PRIVATE KEY" in data
        key = form.load_pem_private_key(data, ask() if locked else None)
        signer = CryptoSigner(key)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ConfigError(f"{path}: no key, or not its passphrase") from error
    if signer.public_key.keyid != keyid:
        raise ConfigError(f"{path}: holds another key than its name says")
    return signer
