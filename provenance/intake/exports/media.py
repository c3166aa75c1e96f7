"""Media of exports: named where they lie, or copied beside the posts."""

import re
import shutil
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path, PurePosixPath
from tempfile import TemporaryFile
from typing import IO, Final

from detectors.storing.atomic import appearing
from provenance.intake.exports.package import UNREADABLE, Package
from provenance.intake.files import MAX_BYTES

ENDING: Final = "-media"
"""Behind the name of the posts' file: the folder of media that are copied."""
ENDINGS: Final = re.compile(r"\.[a-z0-9]{1,5}")
BLOCK: Final = 2**20


class Media:
    """Gives each medium a path below the folder of the posts' file."""

    def __init__(self, out: Path, *, always: bool) -> None:
        """Start with none.

        Args:
            out: file of the posts.
            always: copy all; else only those of archives, and those that lie elsewhere.
        """
        self._out, self._always = out, always
        self._folder = out.with_name(out.name + ENDING)
        self._placed = dict[tuple[str, str], str | None]()
        self.missing = 0
        """Media that could not be read, or are larger than any file that is looked at."""

    def placed(self, package: Package, names: Iterable[str]) -> list[str]:
        """Return the paths of media, as the posts' file has them.

        Raises:
            UnavailableError: a copy cannot be written.
        """
        found = (self._one(package, name) for name in names)
        return [path for path in found if path is not None]

    def _one(self, package: Package, name: str) -> str | None:
        key = package.path, name
        if key not in self._placed:
            self._placed[key] = self._below(package, name) or self._copied(package, name)
            self.missing += self._placed[key] is None
        return self._placed[key]

    def _below(self, package: Package, name: str) -> str | None:
        """Return the path of a medium that lies below the posts' folder already."""
        if self._always or not package.is_folder:
            return None
        folder, path = self._out.parent.resolve(), Path(package.local(name))
        whole = path.parent.resolve() / path.name
        return whole.relative_to(folder).as_posix() if whole.is_relative_to(folder) else None

    def _copied(self, package: Package, name: str) -> str | None:
        """Copy a medium under its digest; return its path, None where it cannot be read."""
        with TemporaryFile() as held:
            try:
                with package.raw(name) as source:
                    digest = _copy(source, held)
            except UNREADABLE:
                return None
            if digest is None:
                return None
            target = self._folder / (digest + _ending(name))
            if not target.exists():
                self._folder.mkdir(exist_ok=True)
                held.seek(0)
                with appearing(target) as file:
                    shutil.copyfileobj(held, file)
        return f"{self._folder.name}/{target.name}"


def _copy(source: IO[bytes], target: IO[bytes]) -> str | None:
    """Copy what is at most `MAX_BYTES` long; return its SHA-256."""
    digest, left = sha256(), MAX_BYTES
    while block := source.read(BLOCK):
        left -= len(block)
        if left < 0:
            return None
        digest.update(block)
        target.write(block)
    return digest.hexdigest()


def _ending(name: str) -> str:
    """Return the ending of a name in lower case, empty where it is none."""
    ending = PurePosixPath(name).suffix.lower()
    return ending if ENDINGS.fullmatch(ending) else ""
