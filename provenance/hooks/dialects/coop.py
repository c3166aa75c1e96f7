"""A signal of ROOST's Coop: what its plug-in sends on, and the score that comes back.

Source: types/integration.ts of roostorg/coop (`PluginSignalRunInput`, `IntegrationManifest`), and
roostorg/coop-integration-example. The score is a number: 0 low, 1 inconclusive, 2 review, 3 high.
"""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any, Final

import msgspec

from provenance.hooks.decision import Decision
from provenance.hooks.message import Malformed, Message
from provenance.record import Risk
from provenance.version import __version__

CARD: Final = Path(__file__).parent / "coop.toml"
OUTPUT: Final = {"scalarType": "NUMBER"}
FAILED: Final = {"type": "ERROR", "score": 0}
"""What a signal answers that has no score."""


class Value(msgspec.Struct, frozen=True):
    """A tagged value."""

    type: str
    value: Any


class Input(msgspec.Struct, frozen=True, rename="camel"):
    """What a signal is run on; further keys are ignored."""

    value: Value
    content_id: str | None = None


def message_of(body: bytes) -> Message:
    """Return the message of what a signal is run on: a text or a picture.

    Raises:
        Malformed: it is neither.
    """
    try:
        given = msgspec.json.decode(body, type=Input)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed("hook.malformed", error=str(error)[:200]) from None
    identity, value = given.content_id or "coop", given.value.value
    if given.value.type == "STRING" and isinstance(value, str):
        return Message(id=identity, text=value)
    url = value.get("url") if isinstance(value, dict) else None
    if given.value.type == "IMAGE" and isinstance(url, str):
        return Message(id=identity, media=[{"url": url}])
    raise Malformed("hook.malformed", error="value is neither a STRING nor an IMAGE with its url")


def said(message: Message, decision: Decision, now: str) -> dict[str, Any]:  # noqa: ARG001 - no answer dates itself
    """Return the score; an error where nothing could be looked at."""
    told = {"risk": decision.risk, "origin": decision.origin, "sentence": decision.sentence}
    outcomes = [one["outcome"] for one in msgspec.json.decode(decision.record)["signals"]]
    if decision.hold or set(outcomes) <= {"failed", "not_assessed"}:
        return FAILED | told
    return {"outputType": OUTPUT, "score": Risk(decision.risk).rank, **told}


@cache
def manifest() -> bytes:
    """Return the manifest of the integration with its model card, as JSON."""
    told = tomllib.loads(CARD.read_text("utf-8"))
    told["version"] = told["modelCard"]["version"] = __version__
    return msgspec.json.encode(told)
