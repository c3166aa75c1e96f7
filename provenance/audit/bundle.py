"""One decision that proves itself: an in-toto Statement v1 in a DSSE envelope.

Its predicate holds the line, the settings and the policy that decided, and the way from the line to
the root that a checkpoint signs. Whoever has the public key needs nothing else:

(1) the envelope is signed by the key; (2) it holds a statement of this kind; (3) the checkpoint is
signed by the same key, and states what the bundle says of the log; (4) the way leads from the line
to the root; (5) the settings and the policy have the digests that the line names; (6) the signals
give the verdict under the policy; (7) the subjects are the item, or its parts.
"""

from typing import Any, Final

import msgspec

from detectors.decode.untrusted import MALFORMED
from detectors.errors import ConfigError, DamagedError
from detectors.signal import Reason
from provenance.audit import checkpoint, dsse, replay
from provenance.audit.entry import DECODER, Entry
from provenance.audit.folder import LogFolder, digest, hashes, read
from provenance.audit.keys import PublicKey
from provenance.audit.log import AuditLog
from provenance.audit.reading import Reader
from provenance.audit.tree import included, leaf, path
from provenance.canonical import canonical
from provenance.record import Digest, Record
from provenance.verdict import parse

STATEMENT: Final = "https://in-toto.io/Statement/v1"
PREDICATE: Final = "urn:provenance-check:audited-decision:1"


class DigestSet(msgspec.Struct, frozen=True):
    """Digests of a subject."""

    sha256: Digest


class Subject(msgspec.Struct, frozen=True):
    """What a decision is about: an item, or a part of a post."""

    name: str
    digest: DigestSet


class Place(msgspec.Struct, frozen=True):
    """Where a line stands in its log."""

    origin: str
    """Name of the log."""
    size: int
    """Lines under the checkpoint."""
    index: int
    """Number of the line."""
    inclusion: list[bytes]
    """Hashes on the way from the line to the root, the nearest first."""
    checkpoint: str
    """Signed note."""


class Predicate(msgspec.Struct, frozen=True):
    """A decision, what decided it, and where it stands."""

    line: dict[str, Any]
    settings: dict[str, Any] | None
    """None where a detector could not tell its settings."""
    policy: str
    """Text of the policy's file."""
    log: Place


class Statement(
    msgspec.Struct, frozen=True, kw_only=True, rename={"predicate_type": "predicateType"}
):
    """An in-toto Statement v1."""

    type: str = msgspec.field(name="_type")
    subject: list[Subject]
    predicate_type: str = msgspec.field(name="predicateType")
    predicate: Predicate


def subjects(record: Record) -> list[Subject]:
    """Return what a decision is about, as far as its bytes were read."""
    named = [(f"{record.item.uri} {part.name}", part.sha256) for part in record.item.parts or ()]
    named = named or [(record.item.uri, record.item.sha256)]
    return [Subject(name, DigestSet(sha256)) for name, sha256 in named if sha256]


def make(log: AuditLog, n: int) -> dsse.Envelope:
    """Return the bundle of a decision; the checkpoint is renewed where it does not cover it.

    Args:
        log: whose key signs.
        n: number of the decision.

    Raises:
        ConfigError: there is no such decision, or no bytes that it could be about.
        DamagedError: the lines are not those that were signed.
    """
    folder, reader = log.folder, Reader(log.folder)
    line, (_, record) = reader.decision(n)
    about = subjects(record)
    if not about:
        raise ConfigError(f"line {n}: no bytes were read, so nothing can be bound to them")
    signed = checkpoint.opened(folder.note(), log.key.public)
    if signed is None or signed.size <= n:
        log.sign()
        signed = log.checkpoint
    note = checkpoint.signed(signed, log.key)
    proof = path(n, _leaves(folder, signed.size))
    if not included(leaf(line), n, signed.size, proof, signed.root):
        raise DamagedError(f"{folder.path}: line {n}", "`provenance audit verify` says more")
    told = record.tool.settings
    policy = record.verdict.policy
    statement = Statement(
        type=STATEMENT,
        subject=about,
        predicate_type=PREDICATE,
        predicate=Predicate(
            line=msgspec.json.decode(line),
            settings=_body(folder, told) if isinstance(told, str) else None,
            policy=reader.policy(policy.sha256, policy.name).data.decode(),
            log=Place(signed.origin, signed.size, n, proof, note.decode()),
        ),
    )
    return dsse.sealed(canonical(msgspec.to_builtins(statement)), log.key)


class _Broken(Exception):  # noqa: N818 - what a bundle lacks
    def __init__(self, code: str, **args: object) -> None:
        super().__init__(code)
        self.reason = Reason(f"audit.bundle_{code}", args)


def check(data: bytes, key: PublicKey) -> tuple[Record, Place] | Reason:
    """Return the decision that a bundle proves and where it stands, or the first fault.

    Args:
        data: of the bundle's file.
        key: of the log.
    """
    try:
        statement = _statement(data, key)
        line = canonical(statement.predicate.line)
        entry = DECODER.decode(line)
        place = statement.predicate.log
        _stands(line, entry.n, place, key)
        return _decided(statement, entry), place
    except _Broken as broken:
        return broken.reason
    except (*MALFORMED, ValueError, TypeError):
        return Reason("audit.bundle_form")


def _statement(data: bytes, key: PublicKey) -> Statement:
    """Return what is signed (1, 2)."""
    envelope = msgspec.json.decode(data, type=dsse.Envelope)
    body = dsse.opened(envelope, key)
    if envelope.payload_type != dsse.IN_TOTO or body is None:
        raise _Broken("envelope", key=key.verifier)
    statement = msgspec.json.decode(body, type=Statement)
    if (statement.type, statement.predicate_type) != (STATEMENT, PREDICATE):
        raise _Broken("form")
    return statement


def _stands(line: bytes, n: int, place: Place, key: PublicKey) -> None:
    """See that a line stands in the log (3, 4)."""
    signed = checkpoint.opened(place.checkpoint.encode(), key)
    if signed is None or (signed.origin, signed.size) != (place.origin, place.size):
        raise _Broken("note")
    way = leaf(line), place.index, place.size, place.inclusion, signed.root
    if n != place.index or not included(*way):
        raise _Broken("path")


def _decided(statement: Statement, entry: Entry) -> Record:
    """Return what was decided, once it follows from what it names (5, 6, 7)."""
    said, record = statement.predicate, entry.record
    if record is None:
        raise _Broken("form")
    if entry.settings != (said.settings and digest(canonical(said.settings))):
        raise _Broken("settings")
    named = record.verdict.policy
    try:
        policy = parse(said.policy.encode(), "the policy of the bundle", named.name)
    except ConfigError:
        raise _Broken("verdict") from None
    if policy.stamp != named or not replay.holds(record, policy):
        raise _Broken("verdict")
    if statement.subject != subjects(record):
        raise _Broken("subject")
    return record


def _leaves(folder: LogFolder, size: int) -> list[bytes]:
    """Return the leaf hashes of as many lines, dropped ones too."""
    found = list[bytes]()
    for segment in folder.segments():
        if segment.forgotten:
            found += hashes(segment)
        else:
            found += [leaf(line.data) for line in read(segment) if line.whole]
        if len(found) >= size:
            break
    return found[:size]


def _body(folder: LogFolder, sha256: str) -> dict[str, Any]:
    """Return a body of settings.

    Raises:
        DamagedError: it is missing, or was altered.
    """
    file = folder.settings(sha256)
    try:
        body = file.read_bytes()
    except OSError:
        body = b""
    if digest(body) != sha256:
        raise DamagedError(f"{file}: is missing or altered", "`provenance audit verify` says more")
    decoded: dict[str, Any] = msgspec.json.decode(body)
    return decoded
