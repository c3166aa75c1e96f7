"""A project's configuration: whose it is, and which versions the user has allowed.

A folder that is to be judged may bring a configuration of its own, which would switch off what
finds its pictures, or name a server. So a project's file that lies in, above or below the folder of
a source is neither obeyed nor parsed, unless the user has allowed this version of it.
"""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path

import msgspec

from detectors.decode.untrusted import MALFORMED
from detectors.errors import ConfigError, DamagedError, UnavailableError
from detectors.storing.atomic import write_json
from provenance import toml_file
from provenance.cli import settings
from provenance.cli.settings import PYPROJECT
from provenance.toml_file import TomlFile

OURS = b"tool.provenance"
"""What a `pyproject.toml` holds that configures us."""


class Allowed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The versions of projects' files that the user has allowed."""

    format: str = "provenance.allowed/1"
    files: dict[str, str] = {}
    """Path → SHA-256 of its bytes, hex."""


def find(sources: Iterable[str]) -> tuple[TomlFile | None, str]:
    """Return the project's file that holds for these sources, and why another one does not.

    Raises:
        ConfigError: the file that holds cannot be read or is not TOML.
    """
    own = os.path.realpath(settings.user_file())
    folders: frozenset[Path] | None = None
    for path in _candidates(_here()):
        data = _bytes(path)
        if os.path.realpath(path) == own or (path.name == PYPROJECT and b"provenance" not in data):
            continue
        folders = frozenset(_folders(sources)) if folders is None else folders
        if not any(_related(place, folder) for place in _places(path) for folder in folders):
            file = settings.required(path)
            if settings.table(file) is not None:
                return file, ""
        elif _digest(data) == (known := _allowed().files.get(os.path.realpath(path))):
            return toml_file.parse(data, str(path)), ""
        elif path.name != PYPROJECT or OURS in data:
            return None, _why(path, changed=known is not None)
    return None, ""


def allow(path: Path | None) -> tuple[Path, str]:
    """Record that this version of a project's file is obeyed wherever it lies.

    Args:
        path: the file; None: the nearest of the working folder or above it.

    Returns:
        The file's resolved path and its digest.

    Raises:
        ConfigError: there is none, or it says what it may not.
    """
    if path is None:
        path = next(filter(_speaks, _candidates(_here())), None)
        if path is None:
            raise ConfigError("no provenance.toml, and no pyproject.toml with [tool.provenance]")
    file = settings.required(path)
    settings.stated(file)
    real, digest = Path(os.path.realpath(path)), _digest(file.data)
    kept = msgspec.structs.replace(_allowed(), files=_allowed().files | {str(real): digest})
    try:
        _list().parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        what = f"{_list()}: cannot be written: {error.strerror}"
        raise UnavailableError(what, "name a folder that you may write to") from error
    write_json(_list(), kept)
    return real, digest


def _why(path: Path, *, changed: bool) -> str:
    """Say why a file is not obeyed."""
    if changed:
        return f"{path} is not obeyed: it is not the version that was allowed"
    return (
        f"{path} is not obeyed, since it lies where the items lie;"
        " name it with --config, or see `provenance config allow --help`"
    )


def _candidates(folder: Path) -> Iterator[Path]:
    """Yield the files of a folder and above that may configure a project, nearest first."""
    for above in (folder, *folder.parents):
        for name in ("provenance.toml", PYPROJECT):
            if _is(Path.is_file, above / name):
                yield above / name


def _is(kind: Callable[[Path], bool], path: Path) -> bool:
    """Tell whether a path is of a kind; what cannot be looked at is of none."""
    try:
        return kind(path)
    except OSError:
        return False


def _here() -> Path:
    """Return the working folder; the root where it was removed while we stand in it."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        return Path("/")


def _places(path: Path) -> set[Path]:
    """Return the folders in which a file lies: that of its name, and that of its bytes."""
    return {path.parent, Path(os.path.realpath(path)).parent}


def _folders(sources: Iterable[str]) -> Iterator[Path]:
    """Yield the folders of sources; of a file by a link, that of the link too."""

    @cache
    def resolved(path: Path) -> Path:
        return Path(os.path.realpath(path))

    for source in sources:
        if source == "-" or "://" in source:
            continue
        given = Path(source)
        if _is(Path.is_dir, given):
            yield resolved(given)
            continue
        yield resolved(given.parent)
        if _is(Path.is_symlink, given):
            yield resolved(given).parent


def _related(one: Path, other: Path) -> bool:
    """Tell whether two folders are the same, or one lies below the other."""
    return one.is_relative_to(other) or other.is_relative_to(one)


def _bytes(path: Path) -> bytes:
    """Read as much of a file as one may hold; nothing where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(toml_file.MOST_BYTES + 1)
    except OSError:
        return b""


def _speaks(path: Path) -> bool:
    """Tell whether a file configures us, as far as that shows without parsing it."""
    return path.name != PYPROJECT or OURS in _bytes(path)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _list() -> Path:
    return settings.user_folder() / "allowed.json"


def _allowed() -> Allowed:
    """Read what the user has allowed.

    Raises:
        DamagedError: the list cannot be read.
    """
    try:
        return msgspec.json.decode(_list().read_bytes(), type=Allowed)
    except FileNotFoundError:
        return Allowed()
    except (OSError, *MALFORMED) as error:
        raise DamagedError(f"{_list()}: {error}", "delete it to begin anew") from error
