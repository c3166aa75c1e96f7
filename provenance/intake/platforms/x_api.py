"""Posts as the API of X returns them: objects of version 2 in pages, and statuses of 1.1."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, suppress
from typing import Any, ClassVar

import msgspec

from provenance.intake.exports.format import Head
from provenance.intake.exports.package import UNREADABLE, Package
from provenance.intake.exports.post import Account, Found, NotAPost, Post
from provenance.intake.exports.rows import Row, objects
from provenance.intake.exports.values import needed, time, unescaped

ENDINGS = (".json", ".jsonl", ".ndjson")
REPOST = "RT @"
HEAD = 2**16
"""Bytes in which a file of version 2 names an author."""


class Url(msgspec.Struct):
    """A short address and what it stands for."""

    expanded_url: str | None = None
    media_key: str | None = None


class Mention(msgspec.Struct):
    """An account that a text names."""

    screen_name: str | None = None
    id_str: str | None = None


class Entities(msgspec.Struct):
    """What a text holds beside words."""

    urls: list[Url] = []
    user_mentions: list[Mention] = []


class User(msgspec.Struct):
    """An account, as both versions have it."""

    id: str | int | None = None
    id_str: str | None = None
    screen_name: str | None = None
    username: str | None = None
    name: str | None = None
    description: str | None = None
    created_at: str | None = None
    followers_count: int | None = None

    def account(self) -> Account:
        """Return what is said of it.

        Raises:
            NotAPost: it has no id.
        """
        return Account(
            account_id=needed(self.id_str or self.id, "account"),
            platform="x",
            handle=self.screen_name or self.username,
            name=self.name,
            bio=self.description or None,
            created_at=time(self.created_at) if self.created_at else None,
            followers=self.followers_count,
        )


class Status(msgspec.Struct):
    """A post of version 1.1; archives have the same without its author."""

    created_at: str
    id_str: str | None = None
    id: str | int | None = None
    full_text: str | None = None
    text: str | None = None
    lang: str | None = None
    entities: Entities = msgspec.field(default_factory=Entities)
    user: User | None = None
    retweeted_status: "Status | None" = None
    in_reply_to_status_id_str: str | None = None

    def post(self, account: str) -> Post:
        """Return it as a post of an account.

        Raises:
            NotAPost: it lacks an id, or a time that can be read.
        """
        text = unescaped(self.full_text or self.text or "")
        origin = self.retweeted_status
        author = origin.user.account().account_id if origin and origin.user else None
        if text.startswith(REPOST) and author is None:
            author = self._mentioned(text[len(REPOST) :].partition(":")[0])
        return Post(
            post_id=needed(self.id_str or self.id, "id"),
            account_id=account,
            created_at=time(self.created_at),
            text=text,
            urls=expanded(self.entities.urls),
            is_repost=origin is not None or text.startswith(REPOST),
            repost_of=str(origin.id_str or origin.id) if origin else None,
            reposted_account=author,
            in_reply_to=self.in_reply_to_status_id_str,
            platform="x",
            lang=self.lang,
        )

    def _mentioned(self, handle: str) -> str | None:
        """Return the id of an account that the text names."""
        named = (each for each in self.entities.user_mentions if each.screen_name)
        same = (each.id_str for each in named if str(each.screen_name).lower() == handle.lower())
        return next(same, None)


class _Reference(msgspec.Struct):
    type: str
    id: str


class _Second(msgspec.Struct):
    """A post of version 2."""

    id: str
    author_id: str
    created_at: str
    text: str
    lang: str | None = None
    entities: Entities = msgspec.field(default_factory=Entities)
    referenced_tweets: list[_Reference] = []
    author: User | None = None


class _Included(msgspec.Struct):
    id: str
    author_id: str | None = None


class _Includes(msgspec.Struct):
    users: list[User] = []
    tweets: list[_Included] = []


class XApi:
    """Reads pages of version 2, and statuses of 1.1 one a line or in a list."""

    lists: ClassVar[Sequence[str]] = ("data", "statuses")

    @staticmethod
    def tells(head: Head) -> bool:
        """Tell it by the keys of a post."""
        return any(
            {"author_id", "created_at"} <= {*row}
            or ({"id_str", "user"} <= {*row} and not {"text", "full_text"}.isdisjoint(row))
            for row in head.rows
        )

    def __init__(self, package: Package) -> None:
        """Take an export."""
        self._package = package
        self._authors = dict[str, str]()
        """Of posts that others repost, by id."""
        self._users = dict[str, Account]()

    def rows(self) -> Iterator[Row]:
        """Yield the posts of all files; what pages include is read before them."""
        for name in self._package.ending(*ENDINGS):
            if self._has_pages(name):
                for row in objects(self._package, name, ("includes.users",)):
                    self._note_user(row.value)
                for row in objects(self._package, name, ("includes.tweets",)):
                    self._note_author(row.value)
            yield from objects(self._package, name, self.lists)

    def _has_pages(self, name: str) -> bool:
        with suppress(*UNREADABLE), closing(self._package.open(name)) as file:
            return b'"author_id"' in file.read(HEAD)
        return False

    def _note_user(self, value: Any) -> None:
        with suppress(msgspec.ValidationError, NotAPost):
            user = msgspec.convert(value, User)
            if user.username:
                account = user.account()
                self._users[account.account_id] = account

    def _note_author(self, value: Any) -> None:
        with suppress(msgspec.ValidationError):
            post = msgspec.convert(value, _Included)
            if post.author_id:
                self._authors[post.id] = post.author_id

    def found(self, value: Any) -> Found:
        """Return the post of a row."""
        if isinstance(value, dict) and "author_id" in value:
            return self._second(msgspec.convert(value, _Second))
        status = msgspec.convert(value, Status)
        if status.user is None:
            raise NotAPost("it has no account")
        account, origin = status.user.account(), status.retweeted_status
        also = [origin.user.account()] if origin and origin.user else []
        return Found(status.post(account.account_id), (account, *also))

    def _second(self, said: _Second) -> Found:
        refers = {each.type: each.id for each in said.referenced_tweets}
        origin = refers.get("retweeted")
        post = Post(
            post_id=said.id,
            account_id=said.author_id,
            created_at=time(said.created_at),
            text=unescaped(said.text),
            urls=expanded(said.entities.urls),
            is_repost=origin is not None,
            repost_of=origin,
            reposted_account=self._authors.get(origin) if origin else None,
            in_reply_to=refers.get("replied_to"),
            platform="x",
            lang=said.lang,
        )
        known = said.author.account() if said.author else self._users.get(said.author_id)
        return Found(post, (known,) if known else ())


def expanded(urls: Iterable[Url]) -> list[str]:
    """Return what short addresses stand for, but for those of the post's own media."""
    found = (url.expanded_url for url in urls if url.media_key is None)
    return list(dict.fromkeys(url for url in found if url))
