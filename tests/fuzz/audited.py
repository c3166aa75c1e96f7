"""What the audit log reads of others: notes, lines and bundles, also such as its key has signed."""

import base64
from functools import cache

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from detectors.decode.sniff import Kind
from detectors.signal import Outcome, Reason, Signal, Tier
from provenance.audit import bundle, checkpoint, dsse
from provenance.audit.checkpoint import Checkpoint
from provenance.audit.entry import DECODER, HEAD
from provenance.audit.keys import PrivateKey
from provenance.audit.replay import holds
from provenance.audit.tree import leaf
from provenance.canonical import canonical, canonical_json
from provenance.engine.settings import settings_body
from provenance.record import Described, Record, Tool
from provenance.verdict import judge, load

ZERO = "0" * 64


@cache
def key() -> PrivateKey:
    return PrivateKey("a", Ed25519PrivateKey.from_private_bytes(bytes(32)))


def lines() -> list[bytes]:
    """Return a decision on a text."""
    policy = load("default")
    said = [
        Signal(
            detector="text_marks",
            tier=Tier.METADATA,
            outcome=Outcome.CLEAR,
            reason=Reason("text_marks.clear", {"chance": 1e-7}),
        )
    ]
    item = Described(
        uri="a.txt", kind=Kind.TEXT, media_type="text/plain", bytes=1, sha256=ZERO,
        facts={}, fingerprints={},
    )  # fmt: skip
    tool = Tool(name="provenance-check", version="0", date="2026-01-01", detectors={})
    decided = {"item": item, "signals": said, "verdict": judge(said, policy, Kind.TEXT)}
    head = {"n": 0, "time": "2026-01-01T00:00:00Z", "prev": ZERO, "actor": "a", "settings": None}
    return [canonical_json(msgspec.json.encode(head | decided | {"tool": tool}))]


def line(data: bytes) -> None:
    """Read a line in every way; refuses what is none."""
    HEAD.decode(data)
    canonical_json(data)
    record: Record | None = DECODER.decode(data).record
    if record is not None:
        holds(record, load("default"))


def notes() -> list[bytes]:
    return [checkpoint.signed(Checkpoint("a", 1, bytes(32)), key())]


def note(data: bytes) -> None:
    """Open a note as it is, and its text signed by the key."""
    checkpoint.opened(data, key().public)
    text, _, _ = data.partition(b"\n\n")
    blob = base64.b64encode(key().public.id + key().sign(text + b"\n")).decode()
    checkpoint.opened(text + f"\n\n\N{EM DASH} a {blob}\n".encode(), key().public)


def statements() -> list[bytes]:
    """Return what a bundle of the decision holds."""
    (one,) = lines()
    entry = DECODER.decode(one)
    assert entry.record
    policy = load("default")
    signed = Checkpoint("a", 1, leaf(one))
    statement = bundle.Statement(
        type=bundle.STATEMENT,
        subject=bundle.subjects(entry.record),
        predicate_type=bundle.PREDICATE,
        predicate=bundle.Predicate(
            line=msgspec.json.decode(one),
            settings=None,
            policy=policy.data.decode(),
            log=bundle.Place("a", 1, 0, [], checkpoint.signed(signed, key()).decode()),
        ),
    )
    made = canonical(msgspec.to_builtins(statement))
    found = bundle.check(sealed(made), key().public)
    assert not isinstance(found, Reason), found
    return [made, settings_body({}, policy.sha256)]


def statement(data: bytes) -> None:
    """Check a bundle that is signed, whatever it holds, and one that is not."""
    bundle.check(sealed(data), key().public)
    bundle.check(data, key().public)


def sealed(body: bytes) -> bytes:
    return msgspec.json.encode(dsse.sealed(body, key()))
