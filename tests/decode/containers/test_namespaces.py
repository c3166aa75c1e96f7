"""Names are resolved as expat would resolve them, in memory that grows with the document alone."""

import tracemalloc
from collections.abc import Callable
from xml.parsers import expat

import pytest

from detectors.decode.containers.namespaces import NamespaceLimitError, Namespaces
from detectors.decode.containers.rdf import properties

DOCUMENTS = [
    "<a/>",
    '<a xmlns="one"><b x="1"/><c xmlns=""><d/></c><e/></a>',
    '<p:a xmlns:p="one" p:x="1" y="2"><p:b xmlns:p="two" p:x="1"/><p:c/></p:a>',
    '<a xmlns:p="one"><b xmlns:p="two"><p:c/></b><p:d xml:lang="en"/></a>',
    '<a xmlns:p="one"><b xmlns:q="two" xmlns:p="three"><p:c q:x="1"/></b><p:d/></a>',
]
UNBOUND = ["<p:a/>", "<a p:x='1'/>", "<a><b xmlns:p='one'/><p:c/></a>", "<a xmlns:p=''/>"]


def ours(document: str) -> list[object]:
    said: list[object] = []
    namespaces, parser = Namespaces(), expat.ParserCreate()

    def start(name: str, attributes: dict[str, str]) -> None:
        namespaces.enter(attributes)
        names = [key for key in attributes if not key.startswith("xmlns")]
        said.append((namespaces.element(name), [namespaces.attribute(key) for key in names]))

    parser.StartElementHandler = start
    parser.EndElementHandler = lambda _: namespaces.leave()
    parser.Parse(document, True)  # noqa: FBT003 - expat's own signature
    return said


def theirs(document: str) -> list[object]:
    def pair(name: str) -> tuple[str, ...]:
        return tuple(name.rpartition(" ")[::2])

    said: list[object] = []
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = lambda name, attributes: said.append(
        (pair(name), [pair(key) for key in attributes])
    )
    parser.Parse(document, True)  # noqa: FBT003 - expat's own signature
    return said


@pytest.mark.parametrize("document", DOCUMENTS)
def test_names_mean_what_expat_says_they_mean(document: str) -> None:
    assert ours(document) == theirs(document)


@pytest.mark.parametrize("document", UNBOUND)
def test_a_prefix_that_stands_for_nothing_is_refused_as_by_expat(document: str) -> None:
    with pytest.raises(expat.ExpatError):
        theirs(document)
    with pytest.raises(ValueError, match="prefix"):
        ours(document)


def attributes(uri: int, count: int) -> str:
    said = " ".join(f'p:x{n}="1"' for n in range(count))
    return f'<a xmlns:p="{"u" * uri}" {said}/>'


def elements(uri: int, count: int) -> str:
    return f'<a xmlns:p="{"u" * uri}">' + "".join(f"<p:x{n}/>" for n in range(count)) + "</a>"


def inherited(uri: int, count: int) -> str:
    return f'<a xmlns="{"u" * uri}">' + "<b/>" * count + "</a>"


@pytest.mark.parametrize("made", [attributes, elements, inherited])
def test_a_long_namespace_under_many_names_ends_the_parse_in_little_memory(
    made: Callable[[int, int], str],
) -> None:
    document = made(400_000, 20_000)
    with pytest.raises(NamespaceLimitError):
        ours(document)
    tracemalloc.start()
    said = properties(document.encode())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (said.whole, said.limited) == (False, True)
    assert peak < 40 << 20
    assert len(ours(made(100, 20_000))) >= 1


def test_many_declarations_in_nested_elements_cost_no_more_than_their_number() -> None:
    names = " ".join(f'xmlns:p{n}="u{n}"' for n in range(20_000))
    inner = "".join(f'<b xmlns:p{n}="v"><p{n}:c/></b>' for n in range(20_000))
    assert len(ours(f"<a {names}>{inner}</a>")) == 40_001
