"""Answers to a feed: what its followers found of its entries, signed, back to its publisher.

An answer says something, and withdraws nothing: the publisher decides. Whoever answers has a key of
their own, so that the same partner is counted once; a name can be anybody's, which is why the
publisher is shown the key, and told when it was never seen before.
"""

import base64
import hashlib
import os
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from detectors.bank.exchange.row import printable
from detectors.bank.location import opened
from detectors.errors import ConfigError
from detectors.storing.atomic import atomic_write
from detectors.storing.journal import append_to
from provenance.canonical import canonical
from provenance.feeds import keys
from provenance.feeds.follow import Followed

FORMAT: Final = "provenance.feed.answers/1"
MOST_FILE: Final = 64 << 20
"""Bytes of a file of answers."""
MOST_TEXT: Final = 500
FILE: Final = "answers.jsonl"
Verdict = Literal["confirmed", "false_match", "real_person", "disputed"]
VERDICTS: Final[tuple[Verdict, ...]] = ("confirmed", "false_match", "real_person", "disputed")


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody found of an entry."""

    entry: str
    """Its id, as the publisher has it."""
    verdict: Verdict
    reason: str
    at: str
    """RFC 3339, UTC."""


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """The first line of a file of answers: whose they are, and of which feed."""

    format: str
    feed: str
    """SHA-256 of the first root of the feed, hex."""
    name: str
    """Of whoever answers, as they call themselves."""
    key: str
    """Their Ed25519 public key, base64."""
    sha256: str
    """Of the lines that follow, hex."""
    signature: str = ""
    """Ed25519, base64, over the canonical JSON (RFC 8785) of this line without the signature."""

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the key, hex."""
        return hashlib.sha256(base64.b64decode(self.key)).hexdigest()

    @property
    def signed(self) -> bytes:
        """What the signature is of."""
        told = msgspec.to_builtins(self)
        told.pop("signature")
        return canonical(told)


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """A file of answers whose signature holds."""

    name: str
    fingerprint: str
    known: bool
    """Whether an answer of this key was received before."""
    answers: list[Answer]


def answer(feed: Followed, ids: Iterable[str], verdict: str, reason: str, now: datetime) -> int:
    """Keep an answer about entries; return how many.

    Args:
        feed: that brought them.
        ids: as they stand in the bank here.
        verdict: of `VERDICTS`.
        reason: why.
        now: UTC.

    Raises:
        ConfigError: an entry is not of this feed; then nothing is kept.
    """
    entries = opened(feed.where).entries
    lines = list[bytes]()
    for name in dict.fromkeys(ids):
        if name not in entries or entries[name].feed != feed.name:
            raise ConfigError(f"{feed.bank}: no entry {name!r} of the feed {feed.name}")
        said = Answer(
            entry=name.removeprefix(feed.prefix),
            verdict=msgspec.convert(verdict, Verdict),
            reason=printable(reason)[:MOST_TEXT],
            at=now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        )
        lines.append(msgspec.json.encode(said) + b"\n")
    append_to(_own(feed.name), b"".join(lines))
    return len(lines)


def _own(name: str) -> Path:
    return keys.folder() / "followed" / name / FILE


def answered(feed: Followed) -> bool:
    """Tell whether anything was answered to a feed."""
    return _own(feed.name).is_file()


def written(feed: Followed, name: str) -> tuple[bytes, int]:
    """Return the file of all answers to a feed, the last of each entry, and how many.

    Args:
        feed: that is answered.
        name: of whoever answers.

    Raises:
        ConfigError: nothing was answered.
    """
    path = _own(feed.name)
    if not answered(feed):
        raise ConfigError(f"nothing was answered to {feed.name} (`provenance feed answer`)")
    last = {said.entry: said for said in _decoded(path.read_bytes())}
    body = b"".join(msgspec.json.encode(last[each]) + b"\n" for each in sorted(last))
    key = _key()
    raw = key.public_key().public_bytes(form.Encoding.Raw, form.PublicFormat.Raw)
    header = Header(
        format=FORMAT, feed=feed.fingerprint, name=printable(name)[:MOST_TEXT],
        key=base64.b64encode(raw).decode(), sha256=hashlib.sha256(body).hexdigest(),
    )  # fmt: skip
    signature = base64.b64encode(key.sign(header.signed)).decode()
    signed = msgspec.structs.replace(header, signature=signature)
    return msgspec.json.encode(signed) + b"\n" + body, len(last)


def _decoded(lines: bytes) -> Iterator[Answer]:
    for line in lines.splitlines():
        yield msgspec.json.decode(line, type=Answer)


def _key() -> Ed25519PrivateKey:
    """Return the key that this user answers with, made at its first use."""
    path = keys.folder() / "keys" / "answers.pem"
    if not path.is_file():
        made = Ed25519PrivateKey.generate()
        data = made.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
    key = form.load_pem_private_key(path.read_bytes(), None)
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigError(f"{path}: holds no Ed25519 key")
    return key


def verified(data: bytes, where: str) -> tuple[Header, list[Answer]]:
    """Return header and answers of a file.

    Raises:
        ConfigError: it is no such file, or its signature does not hold.
    """
    first, _, body = data.partition(b"\n")
    try:
        header = msgspec.json.decode(first, type=Header)
        answers = [*_decoded(body)]
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(header.key, validate=True))
        key.verify(base64.b64decode(header.signature, validate=True), header.signed)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise ConfigError(f"{where}: no file of answers ({error})") from error
    except InvalidSignature:
        raise ConfigError(f"{where}: its signature does not hold; it was changed") from None
    if header.format != FORMAT:
        raise ConfigError(f"{where}: format {header.format[:40]!r}, not {FORMAT!r}")
    if hashlib.sha256(body).hexdigest() != header.sha256:
        raise ConfigError(f"{where}: its answers are not those that were signed; it was changed")
    return header, answers


class Inbox:
    """The answers that a publisher has received, one file a partner, the last one counts."""

    def __init__(self, fingerprint: str) -> None:
        """Look where they lie.

        Args:
            fingerprint: of the feed.
        """
        self._feed = fingerprint
        self._folder = keys.noted(fingerprint).parent / "answers"

    def take(self, file: Path) -> Received:
        """Keep the answers of a file.

        Raises:
            ConfigError: its signature does not hold, or it answers another feed.
        """
        try:
            with file.open("rb") as opened_file:
                data = opened_file.read(MOST_FILE + 1)
        except OSError as error:
            raise ConfigError(f"{file}: cannot be read: {error.strerror}") from error
        if len(data) > MOST_FILE:
            raise ConfigError(f"{file}: larger than {MOST_FILE >> 20} MiB")
        header, answers = verified(data, str(file))
        if header.feed != self._feed:
            raise ConfigError(f"{file}: answers another feed ({header.feed[:16]}…)")
        path = self._folder / f"{header.fingerprint}.jsonl"
        known = path.is_file()
        self._folder.mkdir(parents=True, exist_ok=True)
        atomic_write(path, data)
        return Received(
            name=printable(header.name)[:MOST_TEXT], fingerprint=header.fingerprint, known=known,
            answers=answers,
        )  # fmt: skip

    def counted(self) -> list[tuple[str, str, int]]:
        """Return entry, verdict and how many partners say so, by entry."""
        found: dict[tuple[str, str], int] = {}
        for path in sorted(self._folder.glob("*.jsonl")):
            _, answers = verified(path.read_bytes(), str(path))
            for each in {(said.entry, said.verdict) for said in answers}:
                found[each] = found.get(each, 0) + 1
        return [(entry, verdict, count) for (entry, verdict), count in sorted(found.items())]
