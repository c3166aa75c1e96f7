"""Posts as columns: who posted what, when. Of texts the normalised one is kept."""

import re
import sys
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from detectors.errors import ConfigError
from provenance.coordination.evidence.texts import is_evidence, normalise
from provenance.coordination.evidence.urls import canonical
from provenance.intake.posts import MAX_LINE, MAX_MEDIA, MAX_URLS, decoded, line_reader, skip_rest

NONE: Final = -1
"""Stands in a column for what a post does not have."""
T = TypeVar("T", bound=msgspec.Struct)
STDIN: Final = "-"
COLUMNS: Final = ("time", "repost", "account", "text", "author", "origin")
FARTHEST: Final = 2.0**35
"""Seconds from 1970, a thousand years; what is farther off is no time of a post."""
HASH: Final = re.compile("[0-9a-f]{64}")
"""SHA-256 and PDQ in hexadecimal."""
LEAST_QUALITY: Final = 50
"""Of a PDQ hash, as its authors advise: below, different pictures are alike."""
POPULAR: Final = 0.01
"""Share of all accounts; what more of them have in common is no evidence."""
NAMED: Final = 5
"""Things of a kind that are named where they cannot be used."""


class Row(msgspec.Struct):
    """What is read of a line; further keys are ignored."""

    post_id: str | int | None = None
    account_id: str | int | None = None
    created_at: str | int | float | None = None
    text: str | None = None
    urls: list[str] | str | None = None
    media: list[str] | str | None = None
    media_hashes: dict[str, Any] | list[Any] | None = None
    is_repost: bool | None = None
    repost_of: str | int | None = None
    reposted_account: str | int | None = None


class Names(dict[str, int]):
    """Numbers for names, in the order in which they are met."""

    def __missing__(self, name: str) -> int:
        self[name] = number = len(self)
        return number


class Pairs:
    """Which posts hold which things, of which a post may have several."""

    def __init__(self) -> None:
        """Start with none."""
        self.post, self.thing = array("i"), array("i")
        self.names = Names()
        """What the numbers of the things stand for."""

    def add(self, post: int, name: str) -> None:
        """Say that a post holds something."""
        self.post.append(post)
        self.thing.append(self.names[name])

    def moved(self, to: dict[int, int]) -> None:
        """Give posts other numbers; those that get none are left out."""
        held = [(to[a], b) for a, b in zip(self.post, self.thing, strict=True) if a in to]
        self.post, self.thing = (array("i", (pair[side] for pair in held)) for side in (0, 1))


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
        self.urls, self.images, self.files = Pairs(), Pairs(), Pairs()
        """Addresses, pictures (`Picture.name`) and files of pictures."""
        self.accounts, self.texts, self.authors, self.origins = Names(), Names(), Names(), Names()
        """What the numbers of the columns stand for."""
        self.read = 0
        """Posts that were read, those that cannot be used among them."""
        self.skipped = Counter(
            short_text=0, no_time=0, malformed=0, duplicate=0, unreadable_media=0
        )
        self.faults = list[str]()
        """What could not be used, and why: the first of each kind."""

    def add(self, row: Row, where: str, root: str) -> None:
        """Add a post, or count why it is none.

        Args:
            row: its values.
            where: what to call the line.
            root: folder below which its media lie.
        """
        if row.account_id in (None, ""):
            self.skip("malformed", f"{where}: it has no account_id")
            return
        self.read += 1
        time = seconds(row.created_at)
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
        post = len(self.ids)
        for url in {canonical(url) for url in _listed(row.urls)[:MAX_URLS]} - {""}:
            self.urls.add(post, url)
        for picture in set(_pictures(row.media_hashes)):
            self.images.add(post, picture)
        for path in set(_listed(row.media)[:MAX_MEDIA]):
            self.files.add(post, f"{root}\0{path}")
        self.ids.append(where if row.post_id in (None, "") else str(row.post_id))
        self.time.append(time)
        self.repost.append(bool(row.is_repost or origin or author))
        self.account.append(self.accounts[str(row.account_id)])
        self.text.append(self.texts[words] if words else NONE)
        self.author.append(self.authors[author] if author else NONE)
        self.origin.append(self.origins[origin] if origin else NONE)

    def add_lines(self, file: Any, name: str, root: str) -> None:
        """Add the posts of a file of bytes, whose media lie below a folder."""
        for where, row in rows(file, name, Row, self.skip):
            self.add(row, where, root)

    def drop_duplicates(self) -> None:
        """Keep one post of each id, the same one whatever the order of the input."""
        kept, key = dict[str, int](), self._key()
        for at, name in enumerate(self.ids):
            if kept.setdefault(name, at) != at and key(at) < key(kept[name]):
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
        for pairs in (self.urls, self.images, self.files):
            pairs.moved(moved)

    def _key(self) -> Callable[[int], tuple[Any, ...]]:
        """Return what orders posts of one id by what they hold."""
        names = [list(each) for each in (self.accounts, self.texts, self.authors, self.origins)]
        columns = (self.account, self.text, self.author, self.origin)

        def key(at: int) -> tuple[Any, ...]:
            told = zip(names, columns, strict=True)
            known = ("" if column[at] == NONE else name[column[at]] for name, column in told)
            return (self.time[at], self.repost[at], *known)

        return key

    def skip(self, kind: str, what: str) -> None:
        """Count something that could not be used; the first of each kind are named."""
        self.skipped[kind] += 1
        if self.skipped[kind] <= NAMED:
            self.faults.append(what)


def read(names: Iterable[str], media_root: str | None = None) -> Posts:
    """Return the posts of files; `-` is standard input.

    Args:
        names: of files.
        media_root: folder below which all media lie; None: each file's own.

    Raises:
        ConfigError: a file cannot be read.
    """
    posts = Posts()
    for name in names:
        with opened(name) as file:
            posts.add_lines(file, name, media_root or str(Path(name).parent))
    posts.drop_duplicates()
    return posts


@contextmanager
def opened(name: str) -> Iterator[Any]:
    """Open a file of bytes; `-` is standard input.

    Raises:
        ConfigError: it cannot be read.
    """
    if name == STDIN:
        yield sys.stdin.buffer
        return
    try:
        file = Path(name).open("rb")  # noqa: SIM115 - closed below; what its user raises goes on
    except OSError as error:
        raise ConfigError(f"{name}: {error.strerror}") from error
    with file:
        yield file


def _listed(value: list[str] | str | None) -> list[str]:
    return [value] if isinstance(value, str) else value or []


def _pictures(value: dict[str, Any] | list[Any] | None) -> Iterator[str]:
    """Yield the pictures that hashes stand for; those that are none are passed over."""
    for each in [value] if isinstance(value, dict) else (value or [])[:MAX_MEDIA]:
        if not isinstance(each, dict):
            continue
        quality = each.get("pdq_quality", each.get("quality", LEAST_QUALITY))
        pdq = each.get("pdq") if _at_least(quality, LEAST_QUALITY) else None
        if name := picture_name(each.get("sha256"), pdq):
            yield name


def _at_least(value: Any, least: int) -> bool:
    try:
        return float(value) >= least
    except (TypeError, ValueError):
        return False


def picture_name(sha256: Any, pdq: Any) -> str:
    """Return what a picture is called: both hashes as far as they are known; "" for none."""
    known = [each.lower() if isinstance(each, str) else "" for each in (sha256, pdq)]
    digest, pdq = (each if HASH.fullmatch(each) else "" for each in known)
    return f"{digest}|{pdq}" if digest or pdq else ""


def rows(
    file: Any, name: str, kind: type[T], skip: Callable[[str, str], None]
) -> Iterator[tuple[str, T]]:
    """Yield the objects of a file of JSON lines, and where they stand.

    Values of a wrong kind are as if they were not there.

    Args:
        file: of bytes.
        name: of the file.
        kind: of the objects.
        skip: told of lines that are none.
    """
    read, number = line_reader(file), 0
    while line := read(MAX_LINE + 1):
        number += 1
        where = f"{name}#{number}"
        if len(line) > MAX_LINE:
            skip_rest(line, read)
            skip("malformed", f"{where}: longer than 4 MiB")
        elif line.strip():
            try:
                yield where, _row(line, kind)
            except (msgspec.DecodeError, RecursionError) as error:
                skip("malformed", f"{where}: {str(error)[:200]}")


def _row(line: bytes, kind: type[T]) -> T:
    try:
        return decoded(line, kind)
    except msgspec.ValidationError:
        loose = decoded(line, dict[str, msgspec.Raw])
    found = dict[str, Any]()
    for field in msgspec.structs.fields(kind):
        if raw := loose.get(field.name):
            with suppress(msgspec.DecodeError, RecursionError):
                found[field.name] = msgspec.json.decode(raw, type=field.type)
    return msgspec.convert(found, kind)


def seconds(value: str | float | None) -> float | None:
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
