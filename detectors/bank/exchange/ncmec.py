"""NCMEC hash sharing, version 2: the XML that a query for entries gives.

Element names as in python-threatexchange's `exchanges/clients/ncmec/hash_api.py` and its tests. An
entry is known by member and id together. Documents that declare entities or a document type are
refused, so nothing in one expands or is fetched.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from detectors.bank.entry import Entry, EntryKind, Status
from detectors.bank.exchange.files import MOST_LINE, chunks, decoded
from detectors.bank.exchange.row import Feed, FeedRow, moment, shared, text, whole, word_of
from detectors.decode.containers.namespaces import Namespaces
from detectors.decode.untrusted import mapping
from detectors.errors import ConfigError

SPACE: Final = "https://hashsharing.ncmec.org/hashsharing/v2"
OWN: Final = "urn:provenance:bank-entry:1"
"""Namespace of the one element that is ours: the entry as JSON."""
FINGERPRINTS: Final = {"md5": "md5", "sha1": "sha1", "sha256": "sha256", "pdq": "pdq"}
"""Element → algorithm."""
PICTURES: Final = ("image", "deletedImage")
OTHERS: Final = ("video", "deletedVideo")
DEEPEST: Final = 32
NO_MEMORY: Final = 1
"""Expat's code of an error that says nothing of the document."""
US: Final = "0"
"""Member id of entries that came from no member."""


class Node:
    """An element: name without its namespace, attributes, text, children."""

    def __init__(self, name: str, attributes: dict[str, str]) -> None:
        self.name, self.attributes = name, attributes
        self.said: list[str] = []
        self.children: list[Node] = []

    @property
    def text(self) -> str:
        """Return the text directly in it."""
        return "".join(self.said).strip()

    def child(self, name: str) -> "Node":
        """Return the first child of a name; an empty element where there is none."""
        return next((each for each in self.children if each.name == name), Node(name, {}))


class Reader:
    """Collects the rows of a document as it is parsed; `rows` are those not taken yet."""

    def __init__(self) -> None:
        self.rows: list[Node] = []
        self.root: tuple[str, str] | None = None
        self._open: list[Node] = []
        self._depth = self._size = 0
        self._spaces = Namespaces()
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self._refused
        self.parser.EntityDeclHandler = self._refused
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text

    def _refused(self, *_: object) -> None:
        raise ConfigError("declares a document type or entities, which are refused")

    def _start(self, written: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise ConfigError(f"is nested deeper than {DEEPEST} elements")
        self._spaces.enter(attributes)
        space, local = self._spaces.element(written)
        self.root = self.root or (space, local)
        local = f"own-{local}" if space == OWN else local
        if not self._open and local not in PICTURES + OTHERS:
            return
        self._grow(sum(map(len, (*attributes, *attributes.values()))) + len(local))
        node = Node(local, {key: said for key, said in attributes.items() if ":" not in key})
        if self._open:
            self._open[-1].children.append(node)
        self._open.append(node)

    def _end(self, _: str) -> None:
        self._depth -= 1
        self._spaces.leave()
        if self._open:
            node = self._open.pop()
            if not self._open:
                self.rows.append(node)
                self._size = 0
                self._spaces.renew()

    def _text(self, text: str) -> None:
        if self._open:
            self._grow(len(text))
            self._open[-1].said.append(text)

    def _grow(self, by: int) -> None:
        self._size += by
        if self._size > MOST_LINE:
            raise ConfigError(f"has an entry of more than {MOST_LINE} characters")


def read(path: Path) -> Iterator[FeedRow]:
    """Yield a row for each picture and each video, and for each deleted one.

    Raises:
        ConfigError: it is not XML, declares entities, or is no answer to a query for entries.
    """
    reader, number, fed = Reader(), 0, 0
    try:
        for chunk in chunks(path):
            reader.parser.Parse(chunk, False)  # noqa: FBT003 - expat's own signature
            fed += len(chunk)
            if fed - max(reader.parser.CurrentByteIndex, 0) > MOST_LINE + 2 * len(chunk):
                raise ConfigError(f"has a tag or a comment of more than {MOST_LINE} bytes")  # noqa: TRY301
            for node in reader.rows:
                yield _row(f"entry {number}", node)
                number += 1
            reader.rows.clear()
        reader.parser.Parse(b"", True)  # noqa: FBT003
    except (expat.ExpatError, ValueError, LookupError) as error:  # the last two: odd encodings
        if getattr(error, "code", 0) == NO_MEMORY:
            raise MemoryError from error
        raise ConfigError(f"{path}: is no XML: {error}") from error
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error
    if reader.root != (SPACE, "queryResult"):
        raise ConfigError(f"{path}: no answer to a query for entries: no `queryResult` of {SPACE}")


def write(entries: Sequence[Entry], feed: Feed) -> Iterator[bytes]:
    """Yield a `queryResult` with all entries."""
    latest = max((moment(entry.modified) or "" for entry in entries), default="")
    stamp = f' maxTimestamp="{latest}"' if latest else ""
    yield (
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
        f'<queryResult xmlns="{SPACE}" xmlns:own="{OWN}">\n'
        f' <images count="{len(entries)}"{stamp}>\n'
    ).encode()
    for entry in entries:
        yield _element(entry, feed).encode()
    yield b' </images>\n <videos count="0"/>\n</queryResult>\n'


def _row(where: str, node: Node) -> FeedRow:
    member = node.child("member")
    number, name = member.attributes.get("id", ""), node.child("id").text
    entry_id = name if number in ("", US) else f"{number}/{name}"
    if node.name in OTHERS:
        return FeedRow(where=where, said={"id": entry_id}, skipped=(("not_a_picture", node.name),))
    hashes: dict[str, Any] = {}
    skipped: list[tuple[str, str]] = []
    for each in node.child("fingerprints").children:
        if "href" in each.attributes or "rel" in each.attributes:
            skipped.append(("link", each.name))
        elif each.name in FINGERPRINTS:
            hashes.setdefault(FINGERPRINTS[each.name], []).append({"value": each.text})
        else:
            skipped.append(("unknown_algorithm", each.name))
    said: dict[str, Any] = {
        "id": entry_id,
        "hashes": hashes,
        "class": word_of(EntryKind, {}, node.child("classification").text),
        "source": member.text or None,
        "tags": [f"ncmec:classification={word}"] if (word := _foreign(node)) else [],
    }
    if any(each.name == "negativeFeedback" for each in node.child("feedback").children):
        said["status"] = Status.DISPUTED.value
    decided = {"modified": stamp} if (stamp := node.child("timestamp").text) else {}
    if node.name == "deletedImage":
        decided["status"] = Status.WITHDRAWN.value
    rest = mapping(decoded(node.child("own-entry").text.encode()))
    return FeedRow(where=where, said=said, rest=rest, decided=decided, skipped=tuple(skipped))


def _foreign(node: Node) -> str:
    """Return a classification of the format's own, A1 to B2."""
    word = node.child("classification").text
    return word if len(word) == 2 else ""  # as in A1


def _element(entry: Entry, feed: Feed) -> str:
    """Return an entry as an element; the member is the part of its id that came from one."""
    number, slash, name = entry.id.partition("/")
    foreign = bool(slash) and number.isascii() and number.isdigit() and number != US
    member, name = (number, name) if foreign else (US, entry.id)
    gone = entry.status is Status.WITHDRAWN
    tag = "deletedImage" if gone else "image"
    named = escape(text((entry.source if foreign else None) or feed.name) or "")
    parts = [
        f"<member id={quoteattr(member)}>{named}</member>",
        f"<timestamp>{moment(entry.modified) or ''}</timestamp>",
        f"<id>{escape(name)}</id>",
    ]
    if not gone:
        known = [(tag, whole(entry, name)) for tag, name in FINGERPRINTS.items()]
        prints = "".join(f"<{tag}>{value}</{tag}>" for tag, value in known if value)
        parts.append(f"<classification>{entry.kind.value}</classification>")
        parts.append(f"<fingerprints>{prints}</fingerprints>")
    own = escape(json.dumps(shared(entry, feed), separators=(",", ":")))
    parts.append(f"<own:entry>{own}</own:entry>")
    return f"  <{tag}>{''.join(parts)}</{tag}>\n"
