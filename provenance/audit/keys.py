"""Ed25519 keys of logs: the private one for whoever writes, the public one for whoever verifies.

A public key is written in the verifier form of C2SP signed-note: `NAME+ID+BASE64`. What `init` made
is noted in the user's data folder by its id, so that a log is verified with the key that this user
knows, never with one that lies beside the log.
"""

import base64
import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import msgspec

from detectors.errors import ConfigError, UnavailableError
from detectors.storing.atomic import atomic_write, write_json

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ED25519: Final = b"\x01"
"""Algorithm byte of C2SP signed-note."""
MOST_NAME: Final = 200
"""Bytes of a name."""
ID: Final = 4
"""Bytes of a key id."""


class PublicKey(msgspec.Struct, frozen=True):
    """A key that verifies."""

    name: str
    """Of the log."""
    raw: bytes
    """32 bytes."""

    @property
    def id(self) -> bytes:
        """Key id: C2SP signed-note, "Signatures"."""
        return hashlib.sha256(self.name.encode() + b"\n" + ED25519 + self.raw).digest()[:ID]

    @property
    def verifier(self) -> str:
        """Verifier form: `NAME+ID+BASE64`."""
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(ED25519 + self.raw).decode()}"

    @classmethod
    def parse(cls, text: str, where: str) -> Self:
        """Return the key that stands in verifier form.

        Args:
            text: one line.
            where: what to call it in an error.

        Raises:
            ConfigError: it is no such key.
        """
        name, _, rest = text.strip().partition("+")
        told, _, packed = rest.partition("+")
        try:
            blob = base64.b64decode(packed, validate=True)
        except ValueError:
            blob = b""
        key = cls(name, blob[1:])
        if not name or len(blob) != 33 or blob[:1] != ED25519 or key.id.hex() != told:
            raise ConfigError(f"{where}: no Ed25519 key in verifier form (NAME+ID+BASE64)")
        return key

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Tell whether a signature of a message is by this key."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, message)
        except InvalidSignature:
            return False
        return True


class PrivateKey:
    """A key that signs for a log."""

    def __init__(self, name: str, key: "Ed25519PrivateKey") -> None:
        """Take the key of a log of this name."""
        self._key = key
        self.public = PublicKey(name, key.public_key().public_bytes_raw())

    def sign(self, message: bytes) -> bytes:
        """Return the signature of a message, 64 bytes."""
        return self._key.sign(message)


class Noted(msgspec.Struct, frozen=True):
    """What the user's data folder says of a key."""

    public: str
    """Verifier form."""
    key: str
    """Path of the private key."""


def folder() -> Path:
    """Return the folder of keys and notes in the user's data folder."""
    from platformdirs import user_data_path

    return user_data_path("provenance") / "audit"


def checked_name(name: str) -> str:
    """Return a name of a log back, if it may be one.

    Raises:
        ConfigError: it may not.
    """
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        size = 0
    if not 0 < size <= MOST_NAME or "+" in name or " " in name or not name.isprintable():
        raise ConfigError(
            f"the name {name!r} of a log: 1 to {MOST_NAME} bytes of UTF-8 without white space and"
            " without +, such as example.org/moderation"
        )
    return name


def make(name: str, path: Path | None) -> tuple[PrivateKey, Path]:
    """Make the key of a log; return it, and where the private one lies.

    The public key lies beside it as `FILE.pub`.

    Args:
        name: of the log.
        path: of the private key; None: in the user's data folder.

    Raises:
        ConfigError: something lies there.
        UnavailableError: it cannot be written.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    private = PrivateKey(name, made := Ed25519PrivateKey.generate())
    path = (path or folder() / f"{private.public.id.hex()}.key").absolute()
    pem = made.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(handle)
        atomic_write(beside(path), f"{private.public.verifier}\n".encode())
    except FileExistsError:
        raise ConfigError(f"{path}: is there already, and no key is written over it") from None
    except OSError as error:
        raise UnavailableError(f"{path}: {error.strerror}", "name a file with --key") from error
    return private, path


def beside(path: Path) -> Path:
    """Return where the public key of a private one lies."""
    return path.with_name(f"{path.name}.pub")


def note(public: PublicKey, path: Path) -> None:
    """Note a key in the user's data folder.

    Raises:
        UnavailableError: it cannot be written.
    """
    folder().mkdir(parents=True, exist_ok=True)
    write_json(_note(public.id), Noted(public.verifier, str(path)))


def noted(key_id: bytes) -> Noted | None:
    """Return what is noted of a key, None where nothing is.

    Raises:
        ConfigError: the note cannot be used.
    """
    path = _note(key_id)
    try:
        return msgspec.json.decode(path.read_bytes(), type=Noted)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as error:
        raise ConfigError(f"{path}: {error}") from error


def load(public: PublicKey, path: Path) -> PrivateKey:
    """Load the private key of a public one.

    Raises:
        ConfigError: it cannot be read, or is another.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    try:
        key = serialization.load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        said = error.strerror if isinstance(error, OSError) else "is no private key"
        raise ConfigError(f"{path}: the key of the log {public.name}: {said}") from error
    if not isinstance(key, Ed25519PrivateKey) or PrivateKey(public.name, key).public != public:
        raise ConfigError(f"{path}: is not the private key of {public.verifier}")
    return PrivateKey(public.name, key)


def read(path: Path) -> PublicKey:
    """Read a public key from a file.

    Raises:
        ConfigError: it cannot be read, or is none.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "is no text"
        raise ConfigError(f"{path}: {said}") from error
    return PublicKey.parse(text, str(path))


def _note(key_id: bytes) -> Path:
    return folder() / f"{key_id.hex()}.json"
