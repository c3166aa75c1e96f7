"""The archive that X gives a person of their own account: `data/tweets.js`, and media."""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import msgspec

from provenance.intake.exports.format import Head
from provenance.intake.exports.package import Package
from provenance.intake.exports.post import Account, Found, NotAPost
from provenance.intake.exports.rows import Row, objects
from provenance.intake.exports.values import time
from provenance.intake.platforms.x_api import Status

POST_FILES = re.compile(r"(?:.*/)?data/tweets?(?:-part\d+)?\.js\Z")
"""Where posts are; `tweet.js` in archives before 2022."""
MEDIA = ("data/tweets_media", "data/tweet_media")


class _Account(msgspec.Struct, rename="camel"):
    account_id: str
    username: str | None = None
    created_at: str | None = None
    account_display_name: str | None = None


class XArchive:
    """Reads the posts of the account, with their media."""

    lists: ClassVar[Sequence[str]] = ()

    @staticmethod
    def tells(head: Head) -> bool:
        """Tell it by the names of its files."""
        return any(map(POST_FILES.match, head.names))

    def __init__(self, package: Package) -> None:
        """Find out whose it is, and which media belong to which post."""
        self._package = package
        self._account = self._owner()
        self._media = defaultdict[str, list[str]](list)
        for folder in MEDIA:
            for name in package.below(folder):
                self._media[name.rpartition("/")[2].partition("-")[0]].append(name)

    def rows(self) -> Iterator[Row]:
        """Yield the posts of all parts."""
        for name in filter(POST_FILES.match, self._package.names):
            yield from objects(self._package, name, self.lists)

    def found(self, value: Any) -> Found:
        """Return the post of a row."""
        if self._account is None:
            raise NotAPost("whose it is cannot be read from data/account.js")
        inner = value.get("tweet", value) if isinstance(value, dict) else value
        status = msgspec.convert(inner, Status)
        post = status.post(self._account.account_id)
        return Found(post, (self._account,), self._media.get(post.post_id, ()))

    def _owner(self) -> Account | None:
        name = self._package.find("data/account.js")
        for row in objects(self._package, name, ()) if name else ():
            if isinstance(row.value, dict) and "account" in row.value:
                said = msgspec.convert(row.value["account"], _Account)
                return Account(
                    account_id=said.account_id,
                    platform="x",
                    handle=said.username,
                    name=said.account_display_name,
                    created_at=time(said.created_at) if said.created_at else None,
                )
        return None
