"""Tokens of a folder of labelled pictures, kept between runs: what probes are trained on."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from detectors.encoder.forward import SIDE, WEIGHTS, encoder
from detectors.encoder.tokens import AS_IT_IS, square
from detectors.errors import CannotAssess, ConfigError
from detectors.item import Item

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

BATCH = 8
MANIFEST = "MANIFEST.jsonl"


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A labelled picture of a data folder; further keys of its line are ignored."""

    file: str
    """Its path below the folder."""
    label: str
    """`ai`, `real`, or `other` for what is no photograph-like picture at all."""
    split: str
    repo: str = ""
    """The source that is left out as a whole."""
    source: str = ""
    """Camera, site or kind within the repo."""
    generator: str | None = None
    face: bool = False

    @property
    def ai(self) -> bool:
        """Whether it was made by a generator."""
        return self.label == "ai"


def rows(data: Path, splits: Sequence[str], labels: Sequence[str] = ("ai", "real")) -> list[Row]:
    """Give the rows of a data folder, sorted by file.

    Args:
        data: a folder with MANIFEST.jsonl and the pictures it names.
        splits: those wanted; empty for all.
        labels: those wanted.

    Raises:
        ConfigError: there is no manifest, a line of it cannot be read, or no row is wanted.
    """
    path = data / MANIFEST
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; a data folder holds {MANIFEST}") from error
    found = []
    for number, line in enumerate(lines, 1):
        try:
            row = msgspec.json.decode(line, type=Row)
        except msgspec.MsgspecError as error:
            raise ConfigError(f"{path}:{number}: {error}") from error
        if row.label in labels and (not splits or row.split in splits):
            found.append(row)
    if not found:
        wanted = ", ".join(splits) or "any split"
        raise ConfigError(f"{path}: no row of {wanted} with label {' or '.join(labels)}")
    return sorted(found, key=lambda row: row.file)


def opened(data: Path, row: Row) -> Item:
    """Give a row's picture as an item.

    Raises:
        ConfigError: the file cannot be read.
    """
    try:
        content = (data / row.file).read_bytes()
    except OSError as error:
        raise ConfigError(f"{data / row.file}: {error.strerror}") from error
    return Item(row.file, lambda: content)


def features(
    data: Path, wanted: Sequence[Row], say: Callable[[str], None], how: str = AS_IT_IS
) -> "Floats":
    """Give the class tokens of pictures, (n, 8, 768), kept in the user's cache folder.

    Args:
        data: the folder.
        wanted: its rows.
        say: is told of progress.
        how: `plain`, or the delivery that the pictures are looked at after.

    Raises:
        ConfigError: a picture cannot be read or opened.
    """
    out = np.empty((len(wanted), 8, 768), np.float32)
    folder = _folder()
    waiting: list[tuple[int, Path, NDArray[np.uint8]]] = []
    for at, row in enumerate(wanted):
        item = opened(data, row)
        kept = folder / f"{item.sha256}-{how}.npy"
        if kept.exists():
            out[at] = np.load(kept, allow_pickle=False)
            continue
        try:
            waiting.append((at, kept, square(item, how)))
        except CannotAssess as error:
            raise ConfigError(f"{data / row.file}: {error}") from error
        if len(waiting) == BATCH:
            _fill(out, waiting)
            say(f"{how}: {at + 1} of {len(wanted)} pictures")
    if waiting:
        _fill(out, waiting)
    return out


def _fill(out: "Floats", waiting: "list[tuple[int, Path, NDArray[np.uint8]]]") -> None:
    """Encode the waiting squares, keep their tokens and empty the list."""
    import torch

    pixels = np.stack([square for _, _, square in waiting])
    if torch.cuda.is_available():
        from detectors.encoder.network import encode

        found = encode(pixels, "cuda")
    else:  # numpy is the quicker engine on a CPU, and the one that `check` uses
        found = np.stack([encoder()(square) for square in pixels])
    for (at, kept, _), values in zip(waiting, found, strict=True):
        out[at] = values
        np.save(kept, values, allow_pickle=False)
    waiting.clear()


def _folder() -> Path:
    """Give the cache folder of the shipped encoder: other weights have another one."""
    from platformdirs import user_cache_path

    mark = hashlib.sha256(WEIGHTS.read_bytes()).hexdigest()[:16]
    folder = user_cache_path("provenance-check") / f"tokens-{SIDE}-{mark}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
