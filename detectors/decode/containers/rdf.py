"""Properties of XMP (ISO 16684-1), in a packet of its own or inside an SVG document."""

import re
from collections.abc import Mapping
from xml.parsers import expat

import msgspec

from detectors.decode.containers.namespaces import XML, Name, NamespaceLimitError, Namespaces
from detectors.decode.containers.walk import MAX_UNPACKED

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
ROOT = (RDF, "RDF")
ARRAYS = {(RDF, name) for name in ("Alt", "Bag", "Seq", "li", "value", "Description")}
"""Elements between a property and its value."""
RESOURCE = (RDF, "resource")
OTHERS = ("", RDF, XML)
"""Namespaces that no property of XMP has."""
AMPERSAND = re.compile(r"&(?!(?:amp|lt|gt|quot|apos|#[0-9]{1,7}|#x[0-9A-Fa-f]{1,6});)")
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
MAX_DEPTH = 100
MAX_ELEMENTS = 100_000
NO_MEMORY = expat.errors.codes[expat.errors.XML_ERROR_NO_MEMORY]
AMPLIFIED = expat.errors.codes[expat.errors.XML_ERROR_AMPLIFICATION_LIMIT_BREACH]
"""A limit of expat's own, which says nothing of the packet's form."""


class Property(msgspec.Struct, frozen=True):
    """A property of the document that a packet describes; one of an array's values."""

    namespace: str
    name: str
    value: str


class Properties(msgspec.Struct, frozen=True):
    """What a packet says, and whether it was read to its end."""

    found: tuple[Property, ...]
    whole: bool
    """False where it is malformed, cut, or over a limit; what came before stands."""
    limited: bool
    """True where it is over a limit or declares what its tags leave out, and more follows."""


class _Stop(Exception):  # noqa: N818 - no fault, the end of the walk
    """Over a limit, or entities or attributes are declared: nothing more is read."""


def properties(packet: bytes | memoryview, usual: Mapping[str, str] | None = None) -> Properties:
    """Return the top-level properties of XMP, whatever prefix and form they are written in.

    Entities and attributes with a default are refused, nothing external is read, and properties of
    nested structures are left out: they speak of something else, such as a picture that was placed
    into this one. A malformed packet is read once more, leniently, as other readers do: bare
    ampersands, control characters and undeclared prefixes end nothing then.

    Args:
        packet: XMP, or a document that holds it.
        usual: customary prefixes → namespaces, for a packet that does not declare them.
    """
    read = _parsed(_Reader(), packet[:MAX_UNPACKED], len(packet) <= MAX_UNPACKED)
    if read.whole or read.limited:
        return read
    again = _parsed(_Reader(usual or {}), _repaired(packet[:MAX_UNPACKED]), final=True)
    more = len(again.found) > len(read.found)
    return Properties(again.found if more else read.found, whole=False, limited=again.limited)


def _parsed(reader: "_Reader", packet: bytes | memoryview, final: bool) -> Properties:
    """Return what a reader finds in a packet; `final` where that is all of it."""
    try:
        reader.parser.Parse(bytes(packet), final)
    except (_Stop, NamespaceLimitError):
        return Properties(tuple(reader.found), whole=False, limited=True)
    except expat.ExpatError as error:
        if error.code == NO_MEMORY:
            raise MemoryError from error
        limited = not final or error.code == AMPLIFIED
        return Properties(tuple(reader.found), whole=False, limited=limited)
    except (LookupError, ValueError):  # unknown encodings; prefixes without a namespace
        return Properties(tuple(reader.found), whole=False, limited=not final)
    return Properties(tuple(reader.found), whole=final, limited=not final)


def _repaired(packet: bytes | memoryview) -> bytes:
    """Return a packet in UTF-8 without what keeps it from being XML, as far as that is plain."""
    raw = bytes(packet)
    wide = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}.get(raw[:2], "utf-8")
    text = AMPERSAND.sub("&amp;", CONTROL.sub("", raw.decode(wide, "replace")))
    return text[max(text.find("<"), 0) :].encode("utf-8", "replace")


class _Reader:
    """The handlers of one parse."""

    def __init__(self, usual: Mapping[str, str] | None = None) -> None:
        self.found: list[Property] = []
        self.stack: list[Name] = []
        self.namespaces = Namespaces(usual)
        self.root = -1
        """Depth of `rdf:RDF`, -1 outside."""
        self.leaf = False
        self.text: list[str] = []
        self.count = 0
        self.parser = expat.ParserCreate(None if usual is None else "utf-8")
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self.text.append
        self.parser.EntityDeclHandler = self._refuse
        self.parser.AttlistDeclHandler = self._refuse

    def _refuse(self, *_: object) -> None:
        """End the parse."""
        raise _Stop

    def _start(self, written: str, attributes: dict[str, str]) -> None:
        """Enter an element and keep its attributes."""
        self.count += 1
        if len(self.stack) >= MAX_DEPTH or self.count > MAX_ELEMENTS:
            raise _Stop
        self.namespaces.enter(attributes)
        name = self.namespaces.element(written)
        self.stack.append(name)
        self.leaf = True
        self.text.clear()
        if self.root < 0:
            self.root = len(self.stack) - 1 if name == ROOT else -1
            return
        if len(self.stack) == self.root + 2:
            for key, value in attributes.items():
                if not key.startswith("xmlns"):  # declares a namespace
                    self._keep(self.namespaces.attribute(key), value)
            return
        for key, value in attributes.items():
            if key.endswith(":resource") and self.namespaces.attribute(key) == RESOURCE:
                self._value(value)

    def _end(self, _: str) -> None:
        """Leave an element and keep its text, if it holds no further element."""
        if self.leaf and self.root >= 0:
            self._value("".join(self.text))
        self.leaf = False
        self.text.clear()
        self.stack.pop()
        self.namespaces.leave()
        if len(self.stack) <= self.root:
            self.root = -1

    def _value(self, value: str) -> None:
        """Keep a value that belongs to the property on the stack, if it is one of the top level."""
        at = self.root + 2
        if len(self.stack) > at and all(name in ARRAYS for name in self.stack[at + 1 :]):
            self._keep(self.stack[at], value)

    def _keep(self, name: Name, value: str) -> None:
        """Keep a property; those of RDF and XML are none of the document's."""
        namespace, local = name
        if namespace not in OTHERS and value.strip():
            self.found.append(Property(namespace, local, value))
