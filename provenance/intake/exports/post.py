"""What an export becomes: posts, accounts, and rows that are none, each with the reason."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec


class Post(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A line of a file of posts, as `scan` and `coordination` read it."""

    post_id: str
    account_id: str
    created_at: str
    """UTC, RFC 3339."""
    text: str
    urls: list[str] = []
    """Addresses in it, expanded where the export has that."""
    media: list[str] = []
    """Paths below the folder of the file of posts."""
    is_repost: bool = False
    repost_of: str | None = None
    reposted_account: str | None = None
    in_reply_to: str | None = None
    object_id: str | None = None
    """What was shared, where the export has nothing else of it."""
    platform: str | None = None
    lang: str | None = None


class Account(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What an export says of an account."""

    account_id: str
    platform: str | None = None
    handle: str | None = None
    name: str | None = None
    bio: str | None = None
    created_at: str | None = None
    avatar: str | None = None
    """Path below the folder of the file of accounts."""
    followers: int | None = None


class Found(NamedTuple):
    """A row that is a post."""

    post: Post
    accounts: Sequence[Account] = ()
    """What the row says of accounts, whoever's."""
    media: Sequence[str] = ()
    """Names of its media in the export."""


class LeftOut(msgspec.Struct):
    """A row that is no post."""

    where: str
    reason: str


class NotAPost(Exception):  # noqa: N818 - a state of a row
    """A row is no post; the words say why."""
