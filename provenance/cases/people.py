"""The accounts of a case as a file of accounts tells them, and where their avatars lie."""

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from detectors.errors import ConfigError
from provenance.intake.exports.package import Package
from provenance.intake.exports.post import LeftOut, NotAPost
from provenance.intake.exports.rows import objects


class Person(msgspec.Struct, kw_only=True):
    """A line of a file of accounts; further keys are ignored."""

    account_id: str | int
    platform: str | None = None
    handle: str | None = None
    name: str | None = None
    bio: str | None = None
    created_at: str | None = None
    avatar: str | None = None
    """Path below the folder of the file."""
    followers: int | None = None

    @property
    def id(self) -> str:
        """Its id as text."""
        return str(self.account_id)


def people(path: Path) -> Iterator[Person | LeftOut]:
    """Yield the accounts of a file, and the lines that are none.

    Raises:
        ConfigError: it cannot be read.
    """
    package = Package(str(path))
    if package.is_folder:
        raise ConfigError(f"{path}: is a folder; name the file of accounts")
    for row in objects(package, path.name, ()):
        try:
            yield msgspec.convert(row.read(), Person)
        except (NotAPost, msgspec.ValidationError) as error:
            yield LeftOut(row.where, str(error))


def avatar(person: Person, folder: Path) -> str | None:
    """Return the path of an avatar; None where there is none, or it does not lie below the folder.

    Args:
        person: whose.
        folder: of the file of accounts.
    """
    name = person.avatar
    if not name or Path(name).is_absolute() or "\0" in name or ".." in name.split("/"):
        return None
    steps = [folder.joinpath(*name.split("/")[: i + 1]) for i in range(name.count("/") + 1)]
    return None if any(map(os.path.islink, steps)) else str(steps[-1])
