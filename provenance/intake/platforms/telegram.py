"""Chats as Telegram Desktop exports them: `result.json` with folders of media."""

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import msgspec

from provenance.intake.exports.format import Head
from provenance.intake.exports.package import Package
from provenance.intake.exports.post import Account, Found, NotAPost, Post
from provenance.intake.exports.rows import Row, objects, scalar
from provenance.intake.exports.values import addresses, needed, time


class _Piece(msgspec.Struct):
    text: str
    type: str = ""
    href: str | None = None

    @property
    def address(self) -> str | None:
        """Where it leads, for a link."""
        if self.href:
            return self.href
        return self.text if self.type == "link" and self.text.startswith("http") else None


class _Message(msgspec.Struct):
    id: int
    type: str
    text: str | list[str | _Piece]
    date: str = ""
    date_unixtime: str | None = None
    sender: str | None = msgspec.field(name="from", default=None)
    from_id: str | int | None = None
    forwarded_from: str | None = None
    forwarded_from_id: str | int | None = None
    reply_to_message_id: int | None = None
    photo: str | None = None
    file: str | None = None

    chat: str = ""
    """Put in here: ids of messages are those of their chat."""


class Telegram:
    """Reads messages; ids are `CHAT/MESSAGE`, accounts `from_id`."""

    lists: ClassVar[Sequence[str]] = ("messages", "chats.list", "left_chats.list")

    @staticmethod
    def tells(head: Head) -> bool:
        """Tell it by the keys of a message, or of a chat with messages."""
        return any(
            ({"id", "type", "date"} <= {*row} and not {"text_entities", "actor_id"}.isdisjoint(row))
            or {"id", "type", "messages"} <= {*row}
            for row in head.rows
        )

    def __init__(self, package: Package) -> None:
        """Take an export."""
        self._package = package

    def rows(self) -> Iterator[Row]:
        """Yield the messages of a chat, or of all chats: of those, one is held at a time."""
        for name in self._package.ending(".json"):
            chat = scalar(self._package, name, "id")
            if chat is not None:
                for row in objects(self._package, name, ("messages",)):
                    yield _in_chat(row, chat)
                continue
            for path in ("chats.list", "left_chats.list"):
                yield from self._of_chats(name, path)

    def _of_chats(self, name: str, path: str) -> Iterator[Row]:
        for row in objects(self._package, name, (path,)):
            chat = row.value if isinstance(row.value, dict) else {}
            if row.error:
                yield row
            for index, message in enumerate(chat.get("messages") or (), 1):
                yield _in_chat(Row(f"{row.where}/{index}", message), chat.get("id"))

    def found(self, value: Any) -> Found:
        """Return the post of a row."""
        said = msgspec.convert(value, _Message)
        if said.type != "message":
            raise NotAPost(f"a service message ({value.get('action', said.type)})")
        pieces = said.text if isinstance(said.text, list) else [said.text]
        text = "".join(piece if isinstance(piece, str) else piece.text for piece in pieces)
        links = [piece.address for piece in pieces if isinstance(piece, _Piece)]
        forwarded = said.forwarded_from_id or said.forwarded_from
        answers = said.reply_to_message_id
        post = Post(
            post_id=f"{said.chat}/{said.id}",
            account_id=needed(said.from_id, "from_id"),
            created_at=time(said.date_unixtime or said.date),
            text=text,
            urls=list(dict.fromkeys([*filter(None, links), *addresses(text)])),
            is_repost=forwarded is not None,
            reposted_account=None if forwarded is None else str(forwarded),
            in_reply_to=None if answers is None else f"{said.chat}/{answers}",
            platform="telegram",
        )
        account = Account(account_id=post.account_id, platform="telegram", name=said.sender)
        media = (self._package.find(path) for path in (said.photo, said.file) if path)
        return Found(post, (account,), [path for path in media if path])


def _in_chat(row: Row, chat: Any) -> Row:
    """Return the row of a message with the id of its chat."""
    if not isinstance(row.value, dict):
        return row
    return row._replace(value={**row.value, "chat": str(chat)})
