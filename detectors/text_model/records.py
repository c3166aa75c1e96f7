"""Labelled texts of a data folder: `SPLIT.jsonl.gz`, one record a line."""

import gzip
import zlib
from pathlib import Path
from typing import Literal

import msgspec

from detectors.errors import ConfigError

ENDING = ".jsonl.gz"
MISLABELLED = frozenset({("RAIDAR", "news")})
"""Sources and domains that are passed over, for their labels are not what they say.

Of RAIDAR's news many texts labelled human are plainly a model's ("said John Doe, CEO of an
e-commerce company"), and many labelled AI read like the agency reports of 1997 that they should
have been made from; models that never saw the source rank its two classes the wrong way round
(AUROC .47 by n-grams, .40 by the language model, 645 and 246 texts).
"""


class Labelled(msgspec.Struct, frozen=True, kw_only=True):
    """A text of which is known who wrote it. Further keys are ignored."""

    id: str
    text: str
    label: Literal["human", "ai"]
    source: str
    """Collection; `FAMILY-part` where several are of one hand."""
    domain: str
    generator: str | None = None
    language: str
    """ISO 639-1."""
    native: bool | None = None
    """Whether its writer writes a first language; None where not known."""

    @property
    def ai(self) -> bool:
        """Whether a model wrote it."""
        return self.label == "ai"

    @property
    def family(self) -> str:
        """The source without its part: families are left out whole."""
        return family(self.source)


_DECODER = msgspec.json.Decoder(Labelled)


def family(source: str) -> str:
    """Give what comes before the first hyphen of a source's name."""
    return source.split("-", 1)[0]


def splits_of(data: Path) -> tuple[str, ...]:
    """Give the splits of a data folder, by name.

    Raises:
        ConfigError: there are none.
    """
    found = tuple(sorted(path.name[: -len(ENDING)] for path in data.glob("*" + ENDING)))
    if not found:
        raise ConfigError(f"{data}: no labelled texts here; a data folder holds NAME{ENDING} files")
    return found


def read(data: Path, splits: tuple[str, ...]) -> list[Labelled]:
    """Give the texts of some splits, in the order of the files, without those mislabelled.

    Raises:
        ConfigError: a split is missing, is no gzip file, or a line is no labelled text.
    """
    texts = (text for split in splits for text in _read(data, split))
    return [text for text in texts if (text.source, text.domain) not in MISLABELLED]


def _read(data: Path, split: str) -> list[Labelled]:
    """Give the texts of one split."""
    path = data / (split + ENDING)
    try:
        rows = gzip.decompress(path.read_bytes()).splitlines()
    except FileNotFoundError:
        known = ", ".join(splits_of(data))
        raise ConfigError(f"{path}: no such split; this folder has {known}") from None
    except (OSError, EOFError, zlib.error) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from None
    return [_decoded(row, f"{path}:{line}") for line, row in enumerate(rows, 1) if row.strip()]


def _decoded(row: bytes, where: str) -> Labelled:
    """Give the text of one line."""
    try:
        return _DECODER.decode(row)
    except msgspec.MsgspecError as error:
        raise ConfigError(f"{where}: no labelled text: {error}") from None
