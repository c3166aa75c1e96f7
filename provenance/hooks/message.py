"""A message that asks for a decision: what it holds, and what makes it none."""

from typing import Any, Final

import msgspec

MOST_BYTES: Final = 64 * 2**20
"""Of a message."""
MOST_MEDIA: Final = 1_000


class Malformed(Exception):  # noqa: N818 - what is amiss with a message, not a fault of ours
    """These bytes are no message."""

    def __init__(self, code: str, **args: Any) -> None:
        """Keep why, as a reason has it."""
        super().__init__(code)
        self.code, self.args_of = code, args


class Medium(msgspec.Struct, frozen=True):
    """A medium of a message: exactly one of `base64`, `path` and `url`."""

    name: str | None = None
    base64: str | None = None
    path: str | None = None
    url: str | None = None


class Message(msgspec.Struct, frozen=True):
    """What whoever asks has sent; keys that are not named here are ignored."""

    id: str
    text: str | None = None
    media: list[Any] = []
    """Each a `Medium`, if it is well made."""
    context: msgspec.Raw = msgspec.field(default_factory=lambda: msgspec.Raw(b"null"))
    """Comes back as it is."""


class _Identity(msgspec.Struct, frozen=True):
    id: Any = None


def parse(data: bytes) -> Message:
    """Return the message that these bytes hold.

    Raises:
        Malformed: they hold none.
    """
    if len(data) > MOST_BYTES:
        raise Malformed("hook.too_large", limit_mib=MOST_BYTES >> 20)
    try:
        message = msgspec.json.decode(data, type=Message)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed("hook.malformed", error=str(error)[:200]) from None
    if not message.id:
        raise Malformed("hook.malformed", error="its id is empty")
    if message.text is None and not message.media:
        raise Malformed("hook.malformed", error="it has neither text nor media")
    if len(message.media) > MOST_MEDIA:
        raise Malformed("hook.malformed", error=f"it has more than {MOST_MEDIA} media")
    context = bytes(message.context)  # a copy: a part of it would keep the whole message
    return msgspec.structs.replace(message, context=msgspec.Raw(context))


def identity(data: bytes) -> str | None:
    """Return the id of a malformed message as far as it can be read."""
    try:
        found = msgspec.json.decode(data[: MOST_BYTES + 1], type=_Identity).id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return found if isinstance(found, str) else None
