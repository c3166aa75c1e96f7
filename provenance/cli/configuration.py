"""The configuration in force: files of user and project, and where each value comes from."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from provenance.cli import project, settings
from provenance.cli.settings import Settings

if TYPE_CHECKING:
    from provenance.toml_file import TomlFile


class Configuration(msgspec.Struct, frozen=True, kw_only=True):
    """The settings in force and where each key was set."""

    settings: Settings
    origin: dict[str, str]
    """Key → `file:line`, or `default`."""
    files: list[str]
    """Configuration files that were read, strongest first."""
    ignored: str
    """A project's file that is not obeyed, and why; empty where there is none."""


def load(sources: Sequence[str] = (), named: str | None = None) -> Configuration:
    """Return the configuration in force for these sources.

    The file that `--config` or PROVENANCE_CONFIG names, else the project's: the nearest
    `provenance.toml`, or `pyproject.toml` with `[tool.provenance]`, of the working folder or above
    it; then the user's own file; then defaults.

    Args:
        sources: files and folders to be checked; a project's file that lies near one of them may be
            the sender's, and is obeyed only in the version that the user has allowed.
        named: what `--config` says.

    Raises:
        ConfigError: a file cannot be read or says what it may not; names file and line.
    """
    given: TomlFile | None = None
    ignored = ""
    if named := named or os.environ.get("PROVENANCE_CONFIG"):
        given = settings.required(Path(named))
    else:
        given, ignored = project.find(sources)
    merged: dict[str, Any] = {}
    origin = dict.fromkeys(settings.NAMES, "default")
    read: list[str] = []
    own = settings.user_file()
    for file in (settings.required(own) if own.is_file() else None, given):
        if file is None:
            continue
        values = settings.stated(file)
        read.insert(0, file.where)
        merged.update(values)
        origin.update({key: f"{file.where}:{settings.line_of(file, key)}" for key in values})
    return Configuration(
        settings=msgspec.convert(merged, Settings), origin=origin, files=read, ignored=ignored
    )
