"""Labelled pictures and their tokens, kept between runs: what probes are trained on."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from detectors.decode.untrusted import MALFORMED
from detectors.errors import CannotAssess, ConfigError
from detectors.item import Item
from detectors.models.encoder.forward import GRAPH, SIDE, WEIGHTS, encoder
from detectors.models.encoder.tokens import AS_IT_IS, square
from detectors.models.labelled import ENDINGS, UNSTATED, has_labels, is_ai, labelled_files, lines
from detectors.models.onnx_runtime import torch_finds_a_gpu
from detectors.storing.atomic import appearing

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detectors.decode.picture import Picture

    Floats = NDArray[np.float32]

BATCH = 8
MANIFEST = "MANIFEST.jsonl"


OTHER = "other"


class LabelledPicture(msgspec.Struct, frozen=True, kw_only=True):
    """A labelled picture; further keys of its line are ignored."""

    file: str
    """Its path, below the folder of the data or beside their file."""
    label: str
    """`ai`, `real`, or `other` for what is no photograph-like picture at all; in a file, what
    `labelled.is_ai` takes."""
    split: str = ""
    repo: str = ""
    """The source that is left out as a whole; in a file, `source` where it is missing."""
    source: str = ""
    """Camera, site or kind within the repo."""
    scene: str | None = None
    """What several pictures show or were made from; None where not known."""
    generator: str | None = None
    face: bool = False

    @property
    def unit(self) -> str:
        """What counts once, copies and all: the scene, or the file where none is stated."""
        return self.file if self.scene is None else f"scene {self.scene}"

    @property
    def ai(self) -> bool:
        """Whether it was made by a generator."""
        return self.label == "ai"


def rows(
    data: Path, splits: Sequence[str], labels: Sequence[str] = ("ai", "real")
) -> list[LabelledPicture]:
    """Return the rows of labelled pictures, sorted by file.

    Args:
        data: a folder with MANIFEST.jsonl and the pictures it names, a file of such lines, or a
            folder with one subfolder a label.
        splits: those wanted; empty for all.
        labels: those wanted.

    Raises:
        ConfigError: a line or file cannot be used, or no row is wanted.
    """
    known = [row for row in _rows(data) if not splits or row.split in splits]
    found = [row for row in known if row.label in labels]
    if not found:
        wanted = ", ".join(splits) or "any split"
        raise ConfigError(f"{data}: no row of {wanted} with label {' or '.join(labels)}")
    return sorted(found, key=lambda row: row.file)


def _rows(data: Path) -> list[LabelledPicture]:
    """Return all rows, with the labels `ai`, `real` and `other`.

    Raises:
        ConfigError: a line or file cannot be used.
    """
    path = data / MANIFEST if data.is_dir() else data
    if data.is_dir() and not path.exists() and has_labels(data):
        return [
            LabelledPicture(file=file.path, label="ai" if file.ai else "real", repo=file.source)
            for file in labelled_files(data)
        ]
    if not path.name.endswith(ENDINGS) or not path.is_file():
        raise ConfigError(
            f"{data}: no labelled pictures here; give a folder with {MANIFEST}, a file of such"
            " lines, or a folder that holds the folders ai and real"
        )
    found: dict[tuple[str, str], LabelledPicture] = {}
    for where, line in lines(path):
        row = _row(where, line)
        if (row.file, row.split) in found:
            raise ConfigError(f"{where}: a second line for {row.file}; a picture has one a split")
        found[row.file, row.split] = row
    return list(found.values())


def _row(where: str, line: bytes) -> LabelledPicture:
    """Return the row of one line.

    Raises:
        ConfigError: it is no labelled picture.
    """
    try:
        row = msgspec.json.decode(line, type=LabelledPicture)
    except MALFORMED as error:
        raise ConfigError(
            f'{where}: {error}; a line is an object like {{"file": "a.jpg", "label": "real",'
            ' "source": "…"}'
        ) from error
    if row.label != OTHER:
        label = "ai" if is_ai(row.label, where) else "real"
        row = msgspec.structs.replace(row, label=label)
    return msgspec.structs.replace(row, repo=row.repo or row.source or UNSTATED)


def opened(data: Path, row: LabelledPicture) -> Item:
    """Return a row's picture as an item.

    Raises:
        ConfigError: the file cannot be read.
    """
    path = _place(data, row)
    try:
        content = path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a name no file can have
        raise ConfigError(f"{path}: cannot be read: {error}") from error
    return Item(row.file, lambda: content)


def decoded(data: Path, row: LabelledPicture) -> "Picture":
    """Read a row's pixels.

    Raises:
        ConfigError: the file cannot be read or is no picture.
    """
    try:
        return opened(data, row).picture
    except CannotAssess as fault:
        raise no_picture(data, row, fault) from fault


def _place(data: Path, row: LabelledPicture) -> Path:
    """Return where a row's picture lies."""
    return (data if data.is_dir() else data.parent) / row.file


def no_picture(data: Path, row: LabelledPicture, fault: CannotAssess) -> ConfigError:
    """Return what to say of a file that is no picture."""
    told = f"cannot be opened as a picture ({fault.reason.code})"
    return ConfigError(f"{_place(data, row)}: {told}; take it away, or its line")


def features(
    data: Path, wanted: Sequence[LabelledPicture], say: Callable[[str], None], how: str = AS_IT_IS
) -> "Floats":
    """Return the class tokens of pictures, (n, 8, 768), kept in the user's cache folder.

    Args:
        data: as `rows` takes them.
        wanted: rows of them.
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
            raise no_picture(data, row, error) from error
        if len(waiting) == BATCH:
            _fill(out, waiting)
            say(f"{how}: {at + 1} of {len(wanted)} pictures")
    if waiting:
        _fill(out, waiting)
    return out


def _fill(out: "Floats", waiting: "list[tuple[int, Path, NDArray[np.uint8]]]") -> None:
    """Encode the waiting squares, keep their tokens and empty the list."""
    pixels = np.stack([square for _, _, square in waiting])
    if torch_finds_a_gpu():
        from detectors.models.encoder.network import encode

        found = encode(pixels, "cuda")
    else:  # the engine of `check`, and the quicker one on a CPU
        found = np.stack([encoder()(square) for square in pixels])
    for (at, kept, _), values in zip(waiting, found, strict=True):
        out[at] = values
        with appearing(kept) as file:
            np.save(file, values, allow_pickle=False)
    waiting.clear()


def _folder() -> Path:
    """Return the cache folder of the shipped encoder: other weights or operations have another."""
    from platformdirs import user_cache_path

    mark = hashlib.sha256(WEIGHTS.read_bytes() + GRAPH.read_bytes()).hexdigest()[:16]
    folder = user_cache_path("provenance-check") / f"tokens-{SIDE}-{mark}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
