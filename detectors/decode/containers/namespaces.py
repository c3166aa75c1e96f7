"""XML namespaces, resolved without a copy for each name (Namespaces in XML 1.0)."""

from collections.abc import Mapping

XML = "http://www.w3.org/XML/1998/namespace"

MAX_EXPANDED = 16 << 20
"""Characters of the namespaces of all names of one document together, each counted again for each
name that it stands before: what parsers build that write it out. Large drawings have 3 million."""

Name = tuple[str, str]
"""Namespace (empty for none) and local name."""


class NamespaceLimitError(ValueError):
    """The names of a document would be longer, written out, than `MAX_EXPANDED`."""


class Namespaces:
    """The prefixes declared at the element that a parser stands in.

    With a `namespace_separator`, expat writes the namespace before every name itself, before any
    handler is asked: one namespace of 400 KB under 20,000 attributes takes 8 GB. Here a name holds
    a reference to it, so that memory grows with the document alone.
    """

    def __init__(self, usual: Mapping[str, str] | None = None) -> None:
        """Start with no prefix declared.

        Args:
            usual: what prefixes stand for that a malformed document uses and does not declare; any
                other then stands for itself. None: such a prefix is an error.
        """
        self._usual = usual
        self._uris: dict[str, str] = {"": "", "xml": XML}
        self._shadowed: list[list[tuple[str, str | None]]] = []
        self._left = MAX_EXPANDED

    def renew(self) -> None:
        """Count the names anew, where a document is read part by part and none of them is kept."""
        self._left = MAX_EXPANDED

    def enter(self, attributes: Mapping[str, str]) -> None:
        """Declare what a start tag declares, until `leave`.

        Args:
            attributes: of the tag, by their names as written.

        Raises:
            ValueError: a prefix is declared to stand for nothing, or used and not declared.
            NamespaceLimitError: the names are too long.
        """
        shadowed: list[tuple[str, str | None]] = []
        for name, uri in attributes.items():
            if name == "xmlns" or name.startswith("xmlns:"):
                prefix = name[6:]
                if prefix and not uri and self._usual is None:
                    raise ValueError("a prefix without a namespace")
                shadowed.append((prefix, self._uris.get(prefix)))
                self._uris[prefix] = uri
        self._shadowed.append(shadowed)
        for name in attributes:
            if ":" in name and not name.startswith("xmlns:"):
                self._spend(self.attribute(name))

    def leave(self) -> None:
        """Forget what the element declared that ends here."""
        for prefix, uri in reversed(self._shadowed.pop()):
            if uri is None:
                del self._uris[prefix]
            else:
                self._uris[prefix] = uri

    def element(self, written: str) -> Name:
        """Return what the name of an element means here.

        Raises:
            ValueError: its prefix is not declared.
            NamespaceLimitError: the names are too long.
        """
        prefix, colon, local = written.partition(":")
        name = self._resolved(prefix, local) if colon else (self._uris[""], written)
        self._spend(name)
        return name

    def attribute(self, written: str) -> Name:
        """Return what the name of an attribute means here; without a prefix it has no namespace.

        Raises:
            ValueError: its prefix is not declared.
        """
        prefix, colon, local = written.partition(":")
        return self._resolved(prefix, local) if colon else ("", written)

    def _resolved(self, prefix: str, local: str) -> Name:
        uri = self._uris.get(prefix)
        if uri is not None:
            return uri, local
        if self._usual is None:
            raise ValueError("a prefix that is not declared")
        return self._usual.get(prefix, f"undeclared:{prefix}"), local

    def _spend(self, name: Name) -> None:
        self._left -= len(name[0])
        if self._left < 0:
            raise NamespaceLimitError("namespaces that are too long")
