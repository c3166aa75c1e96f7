"""Webhooks of Mastodon: what an event asks for, and the signature of a body.

Source: docs.joinmastodon.org, admin/webhooks (`X-Hub-Signature: sha256=` and the HMAC of the body,
in hex), entities/Status and entities/Admin_Account.
"""

import hmac
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any, Final

import msgspec

from provenance.hooks.message import Malformed, Message

SIGNATURE: Final = "X-Hub-Signature"
"""Header that holds the signature of a body."""
BREAKS: Final = ("p", "br", "div", "li")
"""Elements after which text goes on in another line."""


class Medium(msgspec.Struct, frozen=True):
    """A medium of a status."""

    type: str = "unknown"
    url: str | None = None


class Account(msgspec.Struct, frozen=True):
    """Whom an event is about; of an administrator's view, what others see is below `account`."""

    id: str = ""
    note: str = ""
    avatar: str | None = None
    account: "Account | None" = None


class Status(msgspec.Struct, frozen=True):
    """A post."""

    id: str = ""
    content: str = ""
    media_attachments: list[Medium] = []


class Report(msgspec.Struct, frozen=True):
    """What somebody has complained about."""

    id: str = ""
    target_account: Account | None = None
    statuses: list[Status] = []


class _Event(msgspec.Struct, frozen=True):
    event: str
    object: msgspec.Raw


def signature(secret: bytes, body: bytes) -> str:
    """Return what a body is signed with."""
    return "sha256=" + hmac.new(secret, body, "sha256").hexdigest()


def messages(body: bytes) -> list[Message]:
    """Return what an event asks for: none where there is nothing to look at.

    Of a status its words and pictures, of an account its picture and what it says of itself, of a
    report both of each that it names.

    Raises:
        Malformed: it is no event.
    """
    try:
        event = msgspec.json.decode(body, type=_Event)
        kind = event.event.partition(".")[0]
        found = [*_READ[kind](bytes(event.object))] if kind in _READ else []
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed("hook.malformed", error=str(error)[:200]) from None
    context = msgspec.Raw(msgspec.json.encode({"event": event.event}))
    return [msgspec.structs.replace(message, context=context) for message in found]


def _of_status(data: bytes) -> Iterator[Message]:
    yield from _status(msgspec.json.decode(data, type=Status))


def _of_account(data: bytes) -> Iterator[Message]:
    yield from _account(msgspec.json.decode(data, type=Account))


def _of_report(data: bytes) -> Iterator[Message]:
    report = msgspec.json.decode(data, type=Report)
    if report.target_account is not None:
        yield from _account(report.target_account)
    for status in report.statuses:
        yield from _status(status)


_READ: Final = {"status": _of_status, "account": _of_account, "report": _of_report}


def _status(status: Status) -> Iterator[Message]:
    pictures = [each.url for each in status.media_attachments if each.type == "image" and each.url]
    yield from _message(f"status/{status.id}", status.content, pictures)


def _account(account: Account) -> Iterator[Message]:
    shown = account.account or account
    pictures = [shown.avatar] if shown.avatar else []
    yield from _message(f"account/{account.id}", shown.note, pictures)


def _message(identity: str, content: str, urls: list[str]) -> Iterator[Message]:
    """Yield the message of some HTML and pictures, if there is anything in it."""
    text = _text(content) or None
    media: list[Any] = [{"url": url} for url in urls]
    if text or media:
        yield Message(id=identity, text=text, media=media)


def _text(content: str) -> str:
    """Return what a reader sees of HTML."""
    words = _Words()
    words.feed(content)
    words.close()
    return "".join(words.said).strip()


class _Words(HTMLParser):
    """Keeps text."""

    def __init__(self) -> None:
        super().__init__()
        self.said = list[str]()

    def handle_data(self, data: str) -> None:
        """Keep text as it stands."""
        self.said.append(data)

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002 - what the base asks
        """Begin a line where the element is a break."""
        if tag == "br":
            self.said.append("\n")

    def handle_endtag(self, tag: str) -> None:
        """End a line after a block."""
        if tag in BREAKS:
            self.said.append("\n")
