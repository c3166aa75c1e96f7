"""What is answered to a message: a decision, or a dead letter."""

import base64
from typing import Any, Final

import msgspec

from provenance.record import Record
from provenance.render.words import Words

SCHEMA: Final = "provenance.decision/1"
DEAD: Final = "provenance.dead/1"


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What a decision says of an item; the same each time that it is asked for."""

    risk: str
    origin: str
    complete: bool
    sentence: str
    record: msgspec.Raw


class Decision(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The answer to one delivery of a message."""

    schema: str
    id: str | None
    risk: str
    origin: str
    complete: bool
    sentence: str
    record: msgspec.Raw
    attempt: int
    """The how many-th delivery it answers, from 1."""
    context: msgspec.Raw
    """As the message has it."""
    hold: bool = False
    """Whether people are to look before anything is done: the brake is on."""


class DeadLetter(msgspec.Struct, frozen=True):
    """A message that gets no decision, and why."""

    data: bytes
    code: str
    args: dict[str, Any]
    attempts: int

    @property
    def error(self) -> dict[str, Any]:
        """The reason, as JSON."""
        return {"code": self.code, "args": self.args}

    def to_json(self) -> bytes:
        """Return it as JSON."""
        said = {"schema": DEAD, "bytes": base64.b64encode(self.data).decode()}
        return msgspec.json.encode(said | {"error": self.error, "attempts": self.attempts})


def verdict_of(record: Record, words: Words) -> bytes:
    """Return what is said of an item, as JSON."""
    return msgspec.json.encode(
        Verdict(
            risk=record.verdict.risk.value,
            origin=record.verdict.origin.value,
            complete=record.verdict.complete,
            sentence=words.headline(record),
            record=msgspec.Raw(msgspec.json.encode(record)),
        )
    )


def decision(
    verdict: bytes, identity: str | None, attempt: int, context: msgspec.Raw, *, hold: bool
) -> bytes:
    """Return a decision as JSON.

    Args:
        verdict: as `verdict_of` gave it.
        identity: of the message; None where it could not be read.
        attempt: which delivery it is, from 1.
        context: of the message.
        hold: whether the brake is on.
    """
    said = msgspec.json.decode(verdict, type=Verdict)
    return msgspec.json.encode(
        Decision(
            schema=SCHEMA, id=identity, risk=said.risk, origin=said.origin, complete=said.complete,
            sentence=said.sentence, record=said.record, attempt=attempt, context=context, hold=hold,
        )
    )  # fmt: skip
