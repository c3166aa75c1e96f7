"""Statuses as Mastodon's REST API returns them, and the outbox of an account's export."""

from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from typing import Any, ClassVar

import msgspec

from provenance.intake.exports.format import Head
from provenance.intake.exports.package import UNREADABLE, Package
from provenance.intake.exports.post import Account, Found, NotAPost, Post
from provenance.intake.exports.rows import LINE, Row, objects
from provenance.intake.exports.values import needed, of_html, time

ENDINGS = (".json", ".jsonl", ".ndjson")


class _Account(msgspec.Struct):
    url: str
    acct: str | None = None
    display_name: str | None = None
    note: str | None = None
    created_at: str | None = None
    followers_count: int | None = None

    def account(self) -> Account:
        """Return what is said of it.

        Raises:
            NotAPost: it has no address.
        """
        bio = of_html(self.note)[0] if self.note else None
        return Account(
            account_id=needed(self.url, "account"),
            platform="mastodon",
            handle=self.acct,
            name=self.display_name or None,
            bio=bio or None,
            created_at=time(self.created_at) if self.created_at else None,
            followers=self.followers_count,
        )


class _Status(msgspec.Struct):
    id: str
    created_at: str
    content: str
    account: _Account
    language: str | None = None
    in_reply_to_id: str | None = None
    reblog: "_Status | None" = None


class _Document(msgspec.Struct):
    url: str = ""


class _Note(msgspec.Struct):
    id: str
    published: str
    content: str = ""
    in_reply_to: str | None = msgspec.field(name="inReplyTo", default=None)
    attachment: list[_Document] = []


class _Activity(msgspec.Struct):
    id: str
    type: str
    actor: str
    object: _Note | str
    published: str | None = None


class _Actor(msgspec.Struct):
    id: str
    url: str
    name: str | None = None
    handle: str | None = msgspec.field(name="preferredUsername", default=None)
    published: str | None = None


class Mastodon:
    """Reads posts and boosts; accounts are the addresses of their profiles."""

    lists: ClassVar[Sequence[str]] = ("orderedItems", "statuses")

    @staticmethod
    def tells(head: Head) -> bool:
        """Tell it by the keys of a status or an activity."""
        return any(
            {"content", "account", "reblog"} <= {*row}
            or ({"type", "actor", "object"} <= {*row} and row["type"] in ("Create", "Announce"))
            for row in head.rows
        )

    def __init__(self, package: Package) -> None:
        """Read who the account is, where the export says it."""
        self._package = package
        self._actors = dict[str, Account]()
        name = package.find("actor.json")
        if name:
            with suppress(*UNREADABLE, msgspec.DecodeError, NotAPost):
                self._note_actor(name)

    def rows(self) -> Iterator[Row]:
        """Yield the rows of all files, or of the outbox where there is one."""
        outbox = self._package.find("outbox.json")
        for name in [outbox] if outbox else self._package.ending(*ENDINGS):
            yield from objects(self._package, name, self.lists)

    def found(self, value: Any) -> Found:
        """Return the post of a row."""
        if isinstance(value, dict) and "actor" in value:
            return self._of_activity(msgspec.convert(value, _Activity))
        status = msgspec.convert(value, _Status)
        origin, account = status.reblog, status.account.account()
        text, links = of_html(origin.content if origin else status.content)
        author = origin.account.account() if origin else None
        post = Post(
            post_id=needed(status.id, "id"),
            account_id=account.account_id,
            created_at=time(status.created_at),
            text=text,
            urls=links,
            is_repost=origin is not None,
            repost_of=origin.id if origin else None,
            reposted_account=author.account_id if author else None,
            in_reply_to=status.in_reply_to_id,
            platform="mastodon",
            lang=status.language,
        )
        return Found(post, (account, author) if author else (account,))

    def _of_activity(self, activity: _Activity) -> Found:
        actor = Account(account_id=needed(activity.actor, "actor"), platform="mastodon")
        account, note = self._actors.get(activity.actor, actor), activity.object
        if activity.type not in ("Create", "Announce") or isinstance(note, _Note) == (
            activity.type == "Announce"
        ):
            raise NotAPost(f"no post ({activity.type})")
        if isinstance(note, str):
            post = Post(
                post_id=activity.id,
                account_id=account.account_id,
                created_at=time(activity.published or ""),
                text="",
                is_repost=True,
                repost_of=note,
                platform="mastodon",
            )
            return Found(post, (account,))
        text, links = of_html(note.content)
        post = Post(
            post_id=note.id,
            account_id=account.account_id,
            created_at=time(note.published),
            text=text,
            urls=links,
            in_reply_to=note.in_reply_to,
            platform="mastodon",
        )
        paths = (self._package.find(each.url.lstrip("/")) for each in note.attachment if each.url)
        return Found(post, (account,), [path for path in paths if path])

    def _note_actor(self, name: str) -> None:
        with closing(self._package.open(name)) as file:
            actor = msgspec.json.decode(file.read(LINE), type=_Actor)
        self._actors[actor.id] = Account(
            account_id=actor.url,
            platform="mastodon",
            handle=actor.handle,
            name=actor.name,
            created_at=time(actor.published) if actor.published else None,
        )
