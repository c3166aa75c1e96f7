"""Which of some pictures are one picture, however they were saved or cut, by the index of banks."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from detectors.bank.location import opened
from detectors.bank.matching import copies
from detectors.bank.matching.search import Searcher
from provenance.banking.add import add_pictures
from provenance.intake import files

FALSE: Final = 0.01
"""Chance that any two of the pictures are joined that are not one, over all pairs."""


def pairs(paths: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the pictures that are one, pair by pair; each that can be told apart with itself.

    Pictures with too little detail to be told apart are never one. It decodes: call it in a process
    of its own.

    Args:
        paths: SHA-256 of a picture → where it lies.
    """
    with TemporaryDirectory(prefix="provenance-") as scratch:
        pictures, bank = Path(scratch) / "pictures", Path(scratch) / "bank"
        pictures.mkdir()
        for sha256, path in paths.items():
            shutil.copyfile(path, pictures / f"{sha256}{Path(path).suffix.lower()}")
        done = add_pictures(bank, [pictures])
        plain = {*done.exact_only}
        known = [each for each in done.added if each not in plain]
        searcher = Searcher(opened(bank))
        most = FALSE / max(1, len(known))
        found = [(each, each) for each in known]
        for one in known:
            near = _copies(searcher, paths[one], most)
            found += [(one, other) for other in near if other != one and other not in plain]
    return found


def _copies(searcher: Searcher, path: str, most: float) -> list[str]:
    from detectors.hashing.views import hash_views

    picture = files.item(path, follow=True).picture
    found = copies.of_picture(searcher, picture, hash_views(picture), most)
    return [each.entry.id for each in found]
