"""Posts as columns: who posted what, when. Of texts the normalised one is kept."""

import sys
from array import array
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from detectors.errors import ConfigError
from provenance.coordination.texts import is_evidence, normalise
from provenance.coordination.urls import canonical
from provenance.intake.posts import MAX_LINE, MAX_URLS, decoded, line_reader, skip_rest

NONE: Final = -1
"""Stands in a column for what a post does not have."""
STDIN: Final = "-"
COLUMNS: Final = ("time", "repost", "account", "text", "author", "origin")
FARTHEST: Final = 2.0**35
"""Seconds from 1970, a thousand years; what is farther off is no time of a post."""
NAMED: Final = 5
"""Broken lines that are named."""


class Row(msgspec.Struct):
    """What is read of a line; further keys are ignored."""

    post_id: str | int | None = None
    account_id: str | int | None = None
    created_at: str | int | float | None = None
    text: str | None = None
    urls: list[str] | str | None = None
    is_repost: bool | None = None
    repost_of: str | int | None = None
    reposted_account: str | int | None = None


FIELDS: Final = {field.name: field.type for field in msgspec.structs.fields(Row)}


class Loose(msgspec.Struct):
    """The same, its values as they lie."""

    post_id: msgspec.Raw = msgspec.Raw()
    account_id: msgspec.Raw = msgspec.Raw()
    created_at: msgspec.Raw = msgspec.Raw()
    text: msgspec.Raw = msgspec.Raw()
    urls: msgspec.Raw = msgspec.Raw()
    is_repost: msgspec.Raw = msgspec.Raw()
    repost_of: msgspec.Raw = msgspec.Raw()
    reposted_account: msgspec.Raw = msgspec.Raw()


class Names(dict[str, int]):
    """Numbers for names, in the order in which they are met."""

    def __missing__(self, name: str) -> int:
        self[name] = number = len(self)
        return number


class Posts:
    """Posts as columns, one entry a post that has an account and a time."""

    def __init__(self) -> None:
        """Start with none."""
        self.ids = list[str]()
        self.time = array("d")
        """Seconds since 1970."""
        self.repost = array("b")
        self.account, self.text = array("i"), array("i")
        self.author, self.origin = array("i"), array("i")
        """Whose post is reposted, and which; `NONE` where the line does not say."""
        self.url_post, self.url = array("i"), array("i")
        """Addresses, a pair of post and address each."""
        self.accounts, self.texts, self.urls = Names(), Names(), Names()
        self.authors, self.origins = Names(), Names()
        """What the numbers of the columns stand for."""
        self.read = 0
        """Posts that were read, those that cannot be used among them."""
        self.skipped = Counter(short_text=0, no_time=0, malformed=0, duplicate=0)
        self.faults = list[str]()
        """The first lines that are no posts, and why."""

    def add(self, row: Row, where: str) -> None:
        """Add a post, or count why it is none."""
        if row.account_id in (None, ""):
            self._malformed(where, "it has no account_id")
            return
        self.read += 1
        time = _seconds(row.created_at)
        if time is None:
            self.skipped["no_time"] += 1
            return
        words, author = normalise(row.text or "")
        if not is_evidence(words):
            self.skipped["short_text"] += bool(words)
            words = ""
        named = row.reposted_account not in (None, "")
        author = str(row.reposted_account) if named else author and f"@{author}"
        origin = "" if row.repost_of is None else str(row.repost_of)
        listed = [row.urls] if isinstance(row.urls, str) else row.urls or ()
        for url in {canonical(url) for url in listed[:MAX_URLS]} - {""}:
            self.url_post.append(len(self.ids))
            self.url.append(self.urls[url])
        self.ids.append(where if row.post_id in (None, "") else str(row.post_id))
        self.time.append(time)
        self.repost.append(bool(row.is_repost or origin or author))
        self.account.append(self.accounts[str(row.account_id)])
        self.text.append(self.texts[words] if words else NONE)
        self.author.append(self.authors[author] if author else NONE)
        self.origin.append(self.origins[origin] if origin else NONE)

    def read_lines(self, file: Any, name: str) -> None:
        """Add the posts of a file of bytes."""
        read, number = line_reader(file), 0
        while line := read(MAX_LINE + 1):
            number += 1
            where = f"{name}#{number}"
            if len(line) > MAX_LINE:
                skip_rest(line, read)
                self._malformed(where, "longer than 4 MiB")
            elif line.strip():
                self._add_line(line, where)

    def drop_duplicates(self) -> None:
        """Keep one post of each id, the same one whatever the order of the input."""
        kept = dict[str, int]()
        for at, name in enumerate(self.ids):
            if kept.setdefault(name, at) != at and self._key(at) < self._key(kept[name]):
                kept[name] = at
        if not (double := len(self.ids) - len(kept)):
            return
        self.skipped["duplicate"] = double
        places = sorted(kept.values())
        self.ids = [self.ids[at] for at in places]
        for name in COLUMNS:
            column = getattr(self, name)
            setattr(self, name, array(column.typecode, (column[at] for at in places)))
        moved = {at: now for now, at in enumerate(places)}
        held = [
            (moved[at], url) for at, url in zip(self.url_post, self.url, strict=True) if at in moved
        ]
        self.url_post, self.url = (array("i", (pair[side] for pair in held)) for side in (0, 1))

    def _key(self, at: int) -> tuple[Any, ...]:
        names = (list(self.accounts), list(self.texts), list(self.authors), list(self.origins))
        columns = (self.account, self.text, self.author, self.origin)
        known = ("" if c[at] == NONE else n[c[at]] for n, c in zip(names, columns, strict=True))
        return (self.time[at], self.repost[at], *known)

    def _add_line(self, line: bytes, where: str) -> None:
        try:
            self.add(_row(line), where)
        except (msgspec.DecodeError, RecursionError) as error:
            self._malformed(where, str(error)[:200])

    def _malformed(self, where: str, why: str) -> None:
        self.skipped["malformed"] += 1
        if len(self.faults) < NAMED:
            self.faults.append(f"{where}: {why}")


def read(names: Iterable[str]) -> Posts:
    """Return the posts of files; `-` is standard input.

    Raises:
        ConfigError: a file cannot be read.
    """
    posts = Posts()
    for name in names:
        try:
            if name == STDIN:
                posts.read_lines(sys.stdin.buffer, "-")
                continue
            with Path(name).open("rb") as file:
                posts.read_lines(file, name)
        except OSError as error:
            raise ConfigError(f"{name}: {error.strerror}") from error
    posts.drop_duplicates()
    return posts


def _row(line: bytes) -> Row:
    """Return a line's values; those of a wrong kind are as if they were not there."""
    try:
        return decoded(line, Row)
    except msgspec.ValidationError:
        loose = decoded(line, Loose)
    row = Row()
    for name, kind in FIELDS.items():
        raw = getattr(loose, name)
        try:
            setattr(row, name, msgspec.json.decode(raw, type=kind) if raw else None)
        except (msgspec.DecodeError, RecursionError):
            continue
    return row


def _seconds(value: str | float | None) -> float | None:
    """Return a time in seconds since 1970; one without a zone is taken for UTC."""
    if isinstance(value, str):
        try:
            at = datetime.fromisoformat(value)
        except ValueError:
            return None
        value = (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    if value is None or not abs(value) < FARTHEST:
        return None
    return float(value)
