"""What the user's configuration files and variables say, and where each value comes from."""

import os
import re
import tomllib
from pathlib import Path
from typing import Any

import msgspec

from detectors.errors import ConfigError


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Keys of `provenance.toml` (or `[tool.provenance]` of `pyproject.toml`)."""

    policy: str = "default"
    """Name of a built-in policy, or a policy file (relative to the configuration file)."""
    fail_on: str = "high"
    bank: list[str] = []
    """Banks (relative to the configuration file)."""
    only: list[str] = []
    without: list[str] = []
    jobs: int = 0
    """Worker processes; 0: one a core."""
    color: str = "auto"
    lang: str = "en"
    detectors: dict[str, dict[str, Any]] = {}
    """Detector → its options."""


NAMES = tuple(Settings.__struct_fields__)


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """The settings in force and where each key was set."""

    settings: Settings
    origin: dict[str, str]
    """Key → file, or `default`."""
    files: list[str]
    """Configuration files that were read, strongest first."""


def load(folder: Path | None = None) -> Found:
    """Give the configuration in force for a working folder.

    The nearest `provenance.toml`, or `pyproject.toml` with `[tool.provenance]`, of the folder or
    above it; then the user's own file; then defaults. Never a file of a scanned folder.

    Raises:
        ConfigError: a file cannot be read or says what it may not; names file and line.
    """
    merged: dict[str, Any] = {}
    origin = dict.fromkeys(NAMES, "default")
    read: list[str] = []
    for path in (_user_file(), _nearest(folder or Path.cwd())):
        if path is None or not path.is_file():
            continue
        values = _values(path)
        read.insert(0, str(path))
        merged.update(values)
        origin.update(dict.fromkeys(values, str(path)))
    return Found(settings=msgspec.convert(merged, Settings), origin=origin, files=read)


def _user_file() -> Path:
    from platformdirs import user_config_path

    return user_config_path("provenance") / "provenance.toml"


def _nearest(folder: Path) -> Path | None:
    """Give the configuration file that holds for a folder."""
    for above in (folder, *folder.parents):
        own, project = above / "provenance.toml", above / "pyproject.toml"
        if own.is_file():
            return own
        if project.is_file() and "provenance" in _toml(project).get("tool", {}):
            return project
    return None


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from error


def _values(path: Path) -> dict[str, Any]:
    """Give the keys a file sets, checked, with paths made absolute."""
    document = _toml(path)
    values = (
        document.get("tool", {}).get("provenance", {})
        if path.name == "pyproject.toml"
        else document
    )
    try:
        checked = msgspec.convert(values, Settings)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path}:{_line(path, str(error))}: {error}") from error
    given: dict[str, Any] = {key: getattr(checked, key) for key in values}
    if "bank" in given:
        given["bank"] = [_anchored(path, bank) for bank in checked.bank]
    if checked.policy.endswith(".toml"):
        given["policy"] = _anchored(path, checked.policy)
    return given


def _anchored(path: Path, value: str) -> str:
    """Give a path of a configuration file as seen from where that file lies."""
    return value if "://" in value else str(path.parent / value)


def _line(path: Path, error: str) -> int:
    """Give the line of the key that an error of msgspec names, 1 where none is named."""
    named = re.search(r"`\$\.(\w+)|unknown field `(\w+)`", error)
    if not named:
        return 1
    key = re.compile(
        rf"\s*\[?(?:tool\.provenance\.)?{re.escape(named.group(1) or named.group(2))}\b"
    )
    lines = path.read_text("utf-8").splitlines()
    return next((n for n, line in enumerate(lines, 1) if key.match(line)), 1)


def variable(name: str) -> str:
    """Give the environment variable of a key: `PROVENANCE_FAIL_ON`."""
    return f"PROVENANCE_{name.upper()}"


def environment() -> dict[str, str]:
    """Give the variables that are set, key → value."""
    return {name: os.environ[variable(name)] for name in NAMES if variable(name) in os.environ}
