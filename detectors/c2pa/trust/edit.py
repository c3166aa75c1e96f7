"""Changes to the user's lists: certificates are validated before anything is written."""

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from detectors.c2pa.trust.lists import Index, Part, TrustList, Use, known, switched, user_index
from detectors.errors import ConfigError, UnavailableError
from detectors.storing.atomic import atomic_write
from detectors.storing.lock import locked

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
BLOCK: Final = re.compile(rb"-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----", re.DOTALL)
MOST_BYTES: Final = 8 << 20
"""Largest list that is read; the largest public one has 0.2 MB."""
MOST_CERTIFICATES: Final = 5000
"""Most certificates in a list; the largest public one has 70. They are read at each start of a
check."""
LOCK: Final = "lock"
LAZY: Final = (
    "subject", "issuer", "extensions", "serial_number", "signature_algorithm_oid",
    "not_valid_before_utc", "not_valid_after_utc",
)  # fmt: skip
"""What of a certificate `cryptography` parses on access."""


def add(
    folder: Path,
    file: Path,
    *,
    name: str,
    issued: str,
    use: Use,
    now: datetime,
    read: Callable[[Path, Use, datetime], tuple[bytes, int]] | None = None,
) -> int:
    """Import a file of certificates as a part of a list; a part of the same use is replaced.

    Args:
        folder: of the user's lists; made where it is missing.
        file: PEM.
        name: of the list.
        issued: YYYY-MM-DD, the publisher's date.
        use: what the certificates are good for.
        now: with a time zone; against which expiry is judged.
        read: `validated`, or what calls it in a process with limits.

    Returns:
        How many certificates it has.

    Raises:
        ConfigError: a name, date or certificate cannot be used; nothing was written.
    """
    if not NAME.fullmatch(name):
        raise ConfigError(f"{name!r}: a list is named with a-z, 0-9, '.', '_' and '-'")
    day = _day(issued, now)
    pem, count = (read or validated)(file, use, now)
    part = Part(
        use=use,
        issued=day,
        file=f"{name}-{use}-{hashlib.sha256(pem).hexdigest()[:12]}.pem",
        source=f"imported from {file.name}",
        sha256=hashlib.sha256(pem).hexdigest(),
    )
    with _changing(folder) as index:
        own = {row.name: row for row in index.lists}
        others = [kept for kept in own[name].part if kept.use != use] if name in own else []
        parts = sorted([*others, part], key=lambda row: row.use)
        enabled = own[name].enabled if name in own else True
        own[name] = TrustList(name=name, enabled=enabled, part=parts)
        atomic_write(folder / part.file, pem)
        _keep(folder, index, own, index.enabled)
    return count


def remove(folder: Path, name: str) -> None:
    """Remove a list of the user; a packaged one of that name is then in use again.

    Raises:
        ConfigError: the user has no such list.
    """
    with _changing(folder) as index:
        own = {row.name: row for row in index.lists}
        if name not in own:
            packaged = any(row.name == name for row in known(folder))
            hint = (
                "it is part of the package: disable it instead"
                if packaged
                else "there is no such list"
            )
            raise ConfigError(f"trust list {name!r} cannot be removed: {hint}")
        del own[name]
        _keep(folder, index, own, index.enabled)


def switch(folder: Path, name: str, *, enabled: bool) -> None:
    """Put a list in use, or out of it.

    Raises:
        ConfigError: there is no such list.
    """
    with _changing(folder) as index:
        found = {row.name: row for row in known(folder)}
        if name not in found:
            raise ConfigError(f"no trust list is named {name!r}; there are {', '.join(found)}")
        own = {row.name: row for row in index.lists}
        if name in own:
            own[name] = switched(own[name], enabled)
            _keep(folder, index, own, index.enabled)
        else:
            _keep(folder, index, own, index.enabled | {name: enabled})


@contextmanager
def _changing(folder: Path) -> Iterator[Index]:
    """Yield the user's index as it stands, while nobody else may change it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder / LOCK, f"{folder}: another process is changing the trust lists"):
            yield user_index(folder)
    except OSError as error:
        what = f"{folder}: {error.strerror or error}"
        raise UnavailableError(what, "name a folder that you may write to") from error


def _day(issued: str, now: datetime) -> date:
    """Return the date of issue, which lies not in the future."""
    try:
        day = date.fromisoformat(issued)
    except ValueError as error:
        raise ConfigError(f"--issued {issued!r}: {error}; write YYYY-MM-DD") from error
    if day > now.date():
        raise ConfigError(f"--issued {issued}: that day has not come yet")
    return day


def validated(file: Path, use: Use, now: datetime) -> tuple[bytes, int]:
    """Return the certificates of a file, each once, as PEM without anything between them.

    Returns:
        The PEM, and how many certificates it holds.

    Raises:
        ConfigError: the file or a certificate in it cannot be used.
    """
    from cryptography.hazmat.primitives.serialization import Encoding

    try:
        with file.open("rb") as source:
            data = source.read(MOST_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror or error}") from error
    if len(data) > MOST_BYTES:
        raise ConfigError(f"{file}: larger than {MOST_BYTES >> 20} MiB; that is no trust list")
    if b"PRIVATE KEY-----" in data:
        raise ConfigError(f"{file}: holds a private key; give certificates alone")
    begun = data.count(b"-----BEGIN CERTIFICATE-----")
    if begun > MOST_CERTIFICATES:
        raise ConfigError(f"{file}: {begun} certificates; a list has at most {MOST_CERTIFICATES}")
    blocks = BLOCK.findall(data)
    if len(blocks) != begun or not blocks:
        raise ConfigError(f"{file}: no certificates in PEM form, or one that is cut off")
    found = [_certificate(file, number, block) for number, block in enumerate(blocks, 1)]
    for number, certificate in enumerate(found, 1):
        _fit(file, number, certificate, use)
    if use != "distrusted" and all(row.not_valid_after_utc < now for row in found):
        raise ConfigError(f"{file}: every certificate has expired")
    unique = list(dict.fromkeys(row.public_bytes(Encoding.PEM) for row in found))
    return b"".join(unique), len(unique)


def _certificate(file: Path, number: int, block: bytes) -> "Certificate":
    """Read one certificate, with all of it that is parsed only when it is asked for.

    What a library cannot parse here, it cannot parse later either, when a signature hangs on it.
    """
    from cryptography import exceptions, x509

    try:
        certificate = x509.load_pem_x509_certificate(block)
        for field in LAZY:
            getattr(certificate, field)
        certificate.public_key()
    except (
        ValueError, TypeError, LookupError, exceptions.UnsupportedAlgorithm, x509.InvalidVersion,
        x509.DuplicateExtension, x509.UnsupportedGeneralNameType,
    ) as error:  # fmt: skip
        why = " ".join(str(error).split())[:200]
        raise ConfigError(f"{file}: certificate {number} cannot be read: {why}") from error
    return certificate


def _fit(file: Path, number: int, certificate: "Certificate", use: Use) -> None:
    """Refuse a certificate that is not of the kind its use asks for."""
    from cryptography.x509 import BasicConstraints, ExtensionNotFound, KeyUsage

    try:
        ca = certificate.extensions.get_extension_for_class(BasicConstraints).value.ca
    except ExtensionNotFound:
        ca = False
    name = f"{file}: certificate {number} ({certificate.subject.rfc4514_string()[:100]})"
    if use == "end-entities" and ca:
        raise ConfigError(f"{name} is a CA; import it with --use signers")
    if use not in ("signers", "timestamps"):
        return
    if not ca:
        raise ConfigError(f"{name} is no CA; import it with --use end-entities")
    try:
        signs = certificate.extensions.get_extension_for_class(KeyUsage).value.key_cert_sign
    except ExtensionNotFound:
        return
    if not signs:
        raise ConfigError(f"{name} may not sign certificates, so nothing can be under it")


def _keep(folder: Path, before: Index, own: dict[str, TrustList], enabled: dict[str, bool]) -> None:
    """Write the index, then remove the files that only the index before it names."""
    lines = ["# Written by `provenance trust`.", "", "[enabled]"]
    lines += [f'"{name}" = {str(enabled[name]).lower()}' for name in sorted(enabled)]
    for name in sorted(own):
        lines += ["", "[[list]]", f'name = "{name}"', f"enabled = {str(own[name].enabled).lower()}"]
        for part in own[name].part:
            lines += ["", "[[list.part]]", f'use = "{part.use}"', f"issued = {part.issued}"]
            lines += [
                f"{key} = {_quoted(getattr(part, key))}" for key in ("file", "source", "sha256")
            ]
    atomic_write(folder / "index.toml", "\n".join([*lines, ""]).encode())
    for name in _files(before.lists) - _files(own.values()):
        (folder / name).unlink(missing_ok=True)


def _files(lists: Iterable[TrustList]) -> set[str]:
    """Return the names of the files of some lists; what lies elsewhere is nobody's to remove."""
    names = {part.file for row in lists for part in row.part}
    return {name for name in names if Path(name).name == name}


def _quoted(value: str) -> str:
    """Return a basic string of TOML."""
    kept = value.encode("utf-8", "replace").decode()
    escaped = "".join(c if c.isprintable() and c not in '"\\' else f"\\U{ord(c):08x}" for c in kept)
    return f'"{escaped}"'
