"""Exports of platforms become a file of posts and a file of accounts; nothing is fetched."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from detectors.storing.atomic import appearing
from provenance.intake.exports.keyed import Key
from provenance.intake.exports.media import Media
from provenance.intake.exports.package import Package
from provenance.intake.exports.post import Account, Found, LeftOut, NotAPost
from provenance.intake.exports.rows import Row
from provenance.intake.platforms import Reader, reader

DIGEST: Final = 12
"""Bytes by which a post is known again: among a thousand million, two are alike at 1 in 10^11."""
_ENCODE: Final = msgspec.json.Encoder().encode


class Source(msgspec.Struct):
    """An export, and what reads it."""

    package: Package
    format: str
    reader: Reader


class Counts(msgspec.Struct):
    """What became of exports."""

    posts: int = 0
    accounts: int = 0
    left_out: int = 0
    missing_media: int = 0
    first: LeftOut | None = None
    """The first row that was left out."""


def sources(paths: Iterable[str], form: str) -> list[Source]:
    """Return exports with what reads each.

    Args:
        paths: of files and folders.
        form: a format, `auto`, or `csv:` and the path of a map.

    Raises:
        ConfigError: one cannot be read, or is of no format that is known.
    """
    packages = [Package(path) for path in paths]
    return [Source(package, *reader(package, form)) for package in packages]


class Conversion:
    """Writes the posts of exports, one by one."""

    def __init__(self, out: Path, key: Key | None) -> None:
        """Start with none.

        Args:
            out: file of the posts.
            key: keys ids, handles and mentions; None: all stays as it is.
        """
        self._out, self._key = out, key
        self._media = Media(out, always=key is not None)
        self._accounts = dict[str, Account]()
        self._seen = set[bytes]()
        self.counts = Counts()

    def write(
        self, found: Iterable[Source], accounts: Path | None, left_out: Path | None
    ) -> Iterator[None]:
        """Write all files, whole or not at all; yields after each row.

        Args:
            found: the exports, in their order.
            accounts: where the accounts go; None: nowhere.
            left_out: where the rows go that are no posts; None: nowhere.

        Raises:
            ConfigError, UnavailableError: a file cannot be written.
        """
        with ExitStack() as files:
            posts = files.enter_context(appearing(self._out))
            rest = files.enter_context(appearing(left_out)) if left_out else None
            people = files.enter_context(appearing(accounts)) if accounts else None
            for source in found:
                for row in source.reader.rows():
                    self._take(source, row, posts, rest)
                    yield
            for account in self._accounts.values() if people else ():
                _line(people, self._key.account(account) if self._key else account)
        self.counts.accounts = len(self._accounts)
        self.counts.missing_media = self._media.missing

    def _take(self, source: Source, row: Row, posts: BinaryIO, rest: BinaryIO | None) -> None:
        """Write the post of a row, or why it is none."""
        try:
            self._post(source, source.reader.found(row.read()), posts)
        except (NotAPost, msgspec.ValidationError) as error:
            left = LeftOut(row.where, str(error))
            self.counts.left_out += 1
            self.counts.first = self.counts.first or left
            if rest:
                _line(rest, left)

    def _post(self, source: Source, found: Found, posts: BinaryIO) -> None:
        """Write a post.

        Raises:
            NotAPost: there was one of its id.
        """
        post = found.post
        name = f"{post.platform} {post.post_id}"
        digest = blake2b(name.encode("utf-8", "surrogatepass"), digest_size=DIGEST).digest()
        if digest in self._seen:
            raise NotAPost(f"the post {post.post_id!r} was there already")
        self._seen.add(digest)
        self._note((Account(account_id=post.account_id, platform=post.platform), *found.accounts))
        post.media = self._media.placed(source.package, found.media)
        _line(posts, self._key.post(post) if self._key else post)
        self.counts.posts += 1

    def _note(self, accounts: Iterable[Account]) -> None:
        """Note what is said of accounts: the last that was said of each thing."""
        for said in accounts:
            known = self._accounts.setdefault(said.account_id, said)
            for field in known.__struct_fields__:
                if (value := getattr(said, field)) is not None:
                    setattr(known, field, value)


def _line(file: BinaryIO | None, value: object) -> None:
    if file:
        file.write(_ENCODE(value) + b"\n")
