"""Labelled texts: files of one record a line, or a folder of files for each label."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from detectors.decode.untrusted import MALFORMED
from detectors.errors import CannotAssess, ConfigError
from detectors.item import Item
from detectors.models.labelled import ENDINGS, UNSTATED, has_labels, is_ai, labelled_files, lines

FILES = (".txt", ".md")
"""Endings of texts in folders of labels."""
UNKNOWN = "unknown"
MISLABELLED = frozenset({("RAIDAR", "news")})
"""Sources and domains that are passed over, for their labels are not what they say.

Of RAIDAR's news many texts labelled human are plainly a model's ("said John Doe, CEO of an
e-commerce company"), and many labelled AI read like the agency reports of 1997 that they should
have been made from; models that never saw the source rank its two classes the wrong way round
(AUROC .47 by n-grams, .40 by the language model, 645 and 246 texts).
"""


class Labelled(msgspec.Struct, frozen=True, kw_only=True):
    """A text of which is known who wrote it."""

    id: str
    text: str
    label: Literal["human", "ai"]
    source: str
    """Collection; `FAMILY-part` where several are of one hand."""
    domain: str
    generator: str | None = None
    language: str
    """ISO 639-1, or `unknown`."""
    native: bool | None = None
    """Whether its writer writes a first language; None where not known."""
    author: str | None = None
    """Who wrote it, or what several texts have in common; None where not known."""
    weight: float = 1.0
    """How much it weighs beside the others, where a model is trained."""

    @property
    def ai(self) -> bool:
        """Whether a model wrote it."""
        return self.label == "ai"

    @property
    def family(self) -> str:
        """The source without its part: families are left out whole."""
        return family(self.source)


class _Line(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a file; further keys are ignored."""

    text: str
    label: str
    id: str | None = None
    source: str | None = None
    domain: str | None = None
    generator: str | None = None
    language: str | None = None
    native: bool | None = None
    author: str | None = None
    weight: Annotated[float, msgspec.Meta(gt=0, le=1000)] = 1.0


_DECODER = msgspec.json.Decoder(_Line)


def family(source: str) -> str:
    """Return what comes before the first hyphen of a source's name."""
    return source.split("-", 1)[0]


def splits_of(data: Path) -> tuple[str, ...]:
    """Return the splits of labelled data, by name: what stands before `.jsonl` or `.jsonl.gz`.

    Args:
        data: such a file, a folder of them, or a folder with one subfolder a label (one split, of
            the folder's name).

    Raises:
        ConfigError: there are none.
    """
    return tuple(sorted(_files(data)))


def _files(data: Path) -> dict[str, Path]:
    """Return the splits with the file, or the folder of labels, that each lies in.

    Raises:
        ConfigError: there are none, or two files of one name.
    """
    if data.is_dir():
        found = sorted(path for path in data.iterdir() if path.name.endswith(ENDINGS))
        if not found and has_labels(data):
            return {data.resolve().name: data}
    else:
        found = [data] if data.name.endswith(ENDINGS) else []
    splits: dict[str, Path] = {}
    for path in found:
        name = path.name.removesuffix(".gz").removesuffix(".jsonl")
        if name in splits:
            raise ConfigError(f"{path}: {splits[name].name} is of the same split; keep one")
        splits[name] = path
    if not splits:
        raise ConfigError(
            f"{data}: no labelled texts here; give a file NAME.jsonl or NAME.jsonl.gz, a folder of"
            " such files, or a folder that holds the folders ai and human"
        )
    return splits


def read(data: Path, splits: tuple[str, ...]) -> list[Labelled]:
    """Read the texts of some splits, in the order of the files, without those mislabelled.

    Args:
        data: as `splits_of` takes them.
        splits: names of them.

    Raises:
        ConfigError: a split is missing, or a line or file is no labelled text.
    """
    known = _files(data)
    texts: dict[str, Labelled] = {}
    for split in splits:
        if split not in known:
            raise ConfigError(
                f"{data}: no such split: {split}; there {'is' if len(known) == 1 else 'are'}"
                f" {', '.join(known)}"
            )
        for where, text in _texts(known[split]):
            if text.id in texts:
                raise ConfigError(f"{where}: a second text of id {text.id!r}; ids name one text")
            texts[text.id] = text
    return [text for text in texts.values() if (text.source, text.domain) not in MISLABELLED]


def _texts(path: Path) -> Iterator[tuple[str, Labelled]]:
    """Yield the texts of a split, with where each stands."""
    if path.is_dir():
        yield from _in_folders(path)
        return
    for where, row in lines(path):
        try:
            line = _DECODER.decode(row)
        except MALFORMED as error:
            raise ConfigError(
                f"{where}: no labelled text: {error}; a line is an object like"
                ' {"text": "…", "label": "human", "source": "…"}'
            ) from None
        text = Labelled(
            id=line.id or where.removeprefix(f"{path.parent}/"),
            text=line.text,
            label="ai" if is_ai(line.label, where) else "human",
            source=line.source or UNSTATED,
            domain=line.domain or UNKNOWN,
            generator=line.generator,
            language=line.language or UNKNOWN,
            native=line.native,
            author=line.author,
            weight=line.weight,
        )
        yield where, _with_words(where, text)


def _in_folders(folder: Path) -> Iterator[tuple[str, Labelled]]:
    """Yield the texts below folders of labels, read as `check` reads them."""
    for file in labelled_files(folder):
        path = folder / file.path
        if path.suffix.lower() not in FILES:
            raise ConfigError(f"{path}: no text; texts end in {' or '.join(FILES)}")
        try:
            content = path.read_bytes()
            said = Item(file.path, lambda content=content: content).passage.plain  # type: ignore[misc]  # bound as it is now
        except OSError as error:
            raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
        except CannotAssess as fault:
            raise ConfigError(f"{path}: cannot be read: {fault.reason.code}") from None
        text = Labelled(
            id=file.path,
            text=said,
            label="ai" if file.ai else "human",
            source=file.source,
            domain=UNKNOWN,
            language=UNKNOWN,
        )
        yield str(path), _with_words(str(path), text)


def _with_words(where: str, text: Labelled) -> Labelled:
    """Check that a text is not empty, and return it.

    Raises:
        ConfigError: it is.
    """
    if not text.text.strip():
        raise ConfigError(f"{where}: the text is empty; take the line or file away")
    return text
