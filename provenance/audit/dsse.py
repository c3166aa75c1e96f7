"""DSSE envelopes: a signed payload with its type (secure-systems-lab/dsse, protocol 1.0)."""

import base64
from typing import Final

import msgspec

from provenance.audit.keys import PrivateKey, PublicKey

IN_TOTO: Final = "application/vnd.in-toto+json"


class Signature(msgspec.Struct, frozen=True):
    """A signature, base64."""

    sig: str
    keyid: str = ""
    """Name and id of the key, as in signed notes; nothing rests on it."""


class Envelope(msgspec.Struct, frozen=True, rename="camel"):
    """A payload, base64, and its signatures."""

    payload_type: str
    payload: str
    signatures: list[Signature]


def sealed(body: bytes, key: PrivateKey, kind: str = IN_TOTO) -> Envelope:
    """Return an envelope around a body."""
    signature = base64.b64encode(key.sign(_authenticated(kind, body))).decode()
    keyid = f"{key.public.name}+{key.public.id.hex()}"
    return Envelope(kind, base64.b64encode(body).decode(), [Signature(signature, keyid)])


def opened(envelope: Envelope, key: PublicKey) -> bytes | None:
    """Return the body of an envelope; None where no signature is by this key."""
    try:
        body = base64.b64decode(envelope.payload, validate=True)
        signatures = [base64.b64decode(each.sig, validate=True) for each in envelope.signatures]
    except ValueError:
        return None
    message = _authenticated(envelope.payload_type, body)
    return body if any(key.verifies(each, message) for each in signatures) else None


def _authenticated(kind: str, body: bytes) -> bytes:
    """Return what is signed: the pre-authentication encoding."""
    name = kind.encode()
    return b"DSSEv1 %d %s %d %s" % (len(name), name, len(body), body)
