"""What files of posts hold, in numbers."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import msgspec

from provenance.intake.exports.package import Package
from provenance.intake.exports.post import LeftOut, NotAPost
from provenance.intake.exports.rows import Row, objects
from provenance.intake.exports.values import time

MOST: Final = 8
"""Languages and platforms that are named, the most frequent first."""
DAY: Final = len("2026-01-01")


class _Post(msgspec.Struct):
    post_id: str | int | None = None
    account_id: str | int | None = None
    created_at: str | int | float | None = None
    text: str | list[Any] | None = None
    urls: str | list[Any] | None = None
    media: str | list[Any] | None = None
    media_hashes: dict[str, Any] | None = None
    is_repost: bool | None = None
    in_reply_to: str | int | None = None
    platform: str | None = None
    lang: str | None = None

    def when(self) -> str | None:
        """Return when it was posted, in UTC.

        Raises:
            NotAPost: it has neither text nor id, or a time that cannot be read.
        """
        if self.post_id is None and self.text is None:
            raise NotAPost("it has neither text nor post_id")
        return None if self.created_at is None else time(self.created_at)


class Stats:
    """Counts posts as they come."""

    def __init__(self) -> None:
        """Start with none."""
        self._counts = Counter(dict.fromkeys(_FLAGS, 0))
        self._posts = self._malformed = 0
        self._accounts = set[str]()
        self._first = self._last = ""
        self._days, self._languages, self._platforms = (Counter[str]() for _ in range(3))

    def read(self, paths: Iterable[str]) -> Iterator[LeftOut | None]:
        """Count the posts of files; yields after each line, what is no post with the reason.

        Raises:
            ConfigError: a file cannot be read.
        """
        for package in [Package(path) for path in paths]:
            for name in package.ending(".jsonl", ".ndjson"):
                for row in objects(package, name, ()):
                    yield self._take(row)

    def _take(self, row: Row) -> LeftOut | None:
        try:
            post = msgspec.convert(row.read(), _Post)
            when = post.when()
        except (NotAPost, msgspec.ValidationError) as error:
            self._malformed += 1
            return LeftOut(row.where, str(error))
        self._count(post, when)
        return None

    def _count(self, post: _Post, when: str | None) -> None:
        self._posts += 1
        self._counts.update(name for name, has in _FLAGS.items() if has(post))
        if post.account_id is not None:
            self._accounts.add(str(post.account_id))
        if when:
            self._first = min(self._first or when, when)
            self._last = max(self._last, when)
            self._days[when[:DAY]] += 1
        self._languages.update([post.lang] if post.lang else [])
        self._platforms.update([post.platform] if post.platform else [])

    @property
    def malformed(self) -> int:
        """Lines that are no posts."""
        return self._malformed

    def body(self) -> dict[str, Any]:
        """Return all counts."""
        busiest = self._days.most_common(1)
        return {
            "posts": self._posts,
            "accounts": len(self._accounts),
            "first": self._first or None,
            "last": self._last or None,
            "busiest_day": dict(busiest),
            **self._counts,
            "platforms": dict(self._platforms.most_common(MOST)),
            "languages": dict(self._languages.most_common(MOST)),
            "malformed": self._malformed,
        }


_FLAGS: Final[dict[str, Callable[[_Post], bool]]] = {
    "reposts": lambda post: bool(post.is_repost),
    "replies": lambda post: post.in_reply_to is not None,
    "with_text": lambda post: bool(post.text),
    "with_urls": lambda post: bool(post.urls),
    "with_media": lambda post: bool(post.media or post.media_hashes),
}
"""Name of a count → whether a post is counted."""
