"""Labelled items in the forms people have them: lines of JSON, or a folder of files a label.

Nothing is passed over: what cannot be used is an error that says where it is and what would be
right.
"""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from detectors.errors import ConfigError

AI = ("ai", "fake", "generated", "machine", "synthetic")
NOT_AI = ("authentic", "human", "person", "real")
"""Words that a label may be, in small or large letters."""
ENDINGS = (".jsonl", ".jsonl.gz")
UNSTATED = "no source stated"
"""Items that state no source count as one source together: they may share one author."""
CLUTTER = frozenset({"desktop.ini", "thumbs.db"})
"""What file managers leave behind, besides hidden files."""


class File(msgspec.Struct, frozen=True, kw_only=True):
    """A file in the folder of its label."""

    path: str
    """Below the folder of the data, with slashes."""
    ai: bool
    source: str
    """Name of the folder between that of the label and the file; `UNSTATED` where there is none."""


def is_ai(label: str, where: str) -> bool:
    """Tell whether a label means AI.

    Args:
        label: a word.
        where: it stands, for the message.

    Raises:
        ConfigError: it is no word that has a meaning here.
    """
    word = label.lower()
    if word not in AI + NOT_AI:
        raise ConfigError(f"{where}: label {label!r} is not known; {words()}")
    return word in AI


def words() -> str:
    """Return the labels that are understood, as a half sentence."""
    return f"write {', '.join(AI)} for AI and {', '.join(NOT_AI)} for everything else"


def lines(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the lines of a .jsonl or .jsonl.gz file that are not blank, with `FILE:NUMBER`.

    Raises:
        ConfigError: the file cannot be read.
    """
    try:
        content = path.read_bytes()
        whole = gzip.decompress(content) if path.suffix == ".gz" else content
    except (OSError, EOFError, zlib.error) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from None
    for number, line in enumerate(whole.split(b"\n"), 1):
        if line.strip():
            yield f"{path}:{number}", line


def has_labels(folder: Path) -> bool:
    """Tell whether a folder holds one whose name is a label."""
    return any(sub.is_dir() and sub.name.lower() in AI + NOT_AI for sub in folder.iterdir())


def labelled_files(folder: Path) -> list[File]:
    """Return the files of a folder with one subfolder a label, sorted by path.

    A folder below that of a label names the source: `ai/SOURCE/…`. Hidden files are left alone.

    Raises:
        ConfigError: something stands beside the labels' folders.
    """
    found = []
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if path.is_dir() or any(part.startswith(".") for part in parts):
            continue
        if path.name.lower() in CLUTTER:
            continue
        if len(parts) == 1:
            raise ConfigError(f"{path}: stands in no folder of a label; {words()}")
        source = parts[1] if len(parts) > 2 else UNSTATED  # label, source, file
        ai = is_ai(parts[0], str(folder / parts[0]))
        found.append(File(path="/".join(parts), ai=ai, source=source))
    return found
