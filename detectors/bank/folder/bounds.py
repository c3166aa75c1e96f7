"""Whether the arrays that pictures are searched by point to what is there, and nowhere else."""

from typing import TYPE_CHECKING, Any

from detectors.bank.index.descriptors import PREFIX_BITS
from detectors.bank.index.multi_index import BANDS, VALUES, WORDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray


def within(name: str, array: "NDArray[Any]", lengths: "Mapping[str, int]", entries: int) -> bool:
    """Tell whether an array of a snapshot has the length and the values that it may have.

    Args:
        name: of the array, one of `snapshot.KINDS`.
        array: flat.
        lengths: of the others, by name.
        entries: number of entries in the snapshot.
    """
    group, _, part = name.rpartition(".")
    if group:
        rows, order, starts = (lengths[f"{group}.{other}"] for other in ("rows", "order", "starts"))
        return (order > 0) == (starts > 0) and _of_hashes(part, array, rows // WORDS, entries)
    codes = lengths["codes"]
    if name == "code_owners":
        return len(array) == codes and _under(array, entries)
    if name == "code_starts":
        return len(array) == (1 << PREFIX_BITS) + 1 and _ascending(array, codes)
    return True


def _of_hashes(part: str, array: "NDArray[Any]", rows: int, entries: int) -> bool:
    """Tell it of the hashes of one algorithm and their tables; few hashes have no tables."""
    if part == "rows":
        return len(array) == rows * WORDS
    if part == "owners":
        return len(array) == rows and _under(array, entries)
    if not len(array):
        return True
    if part == "order":
        return len(array) == BANDS * rows and _under(array, rows)
    return len(array) == BANDS * (VALUES + 1) and all(
        _ascending(band, rows) for band in array.reshape(BANDS, VALUES + 1)
    )


def _under(array: "NDArray[Any]", most: int) -> bool:
    return not len(array) or int(array.max()) < most


def _ascending(starts: "NDArray[Any]", most: int) -> bool:
    """Tell whether starts never go back and stay within what they are starts of."""
    return bool((starts[1:] >= starts[:-1]).all()) and int(starts[-1]) <= most
