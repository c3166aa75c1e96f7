"""What configuration files and variables may say, and what one of them says."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import msgspec

from detectors.decode.untrusted import MALFORMED
from detectors.errors import ConfigError
from provenance import toml_file
from provenance.messages import languages
from provenance.toml_file import TomlFile

PYPROJECT = "pyproject.toml"
FailOn = Literal["high", "review", "inconclusive", "never"]
Show = Literal["high", "review", "inconclusive", "low"]
Color = Literal["auto", "always", "never"]
Device = Literal["cpu", "cuda"]
Format = Literal["terminal", "json", "jsonl", "sarif", "junit", "github", "gitlab"]
WORDS: dict[str, tuple[str, ...]] = {
    "fail_on": get_args(FailOn),
    "show": get_args(Show),
    "color": get_args(Color),
    "device": get_args(Device),
    "format": get_args(Format),
}
"""Key → the words that may stand there."""


LISTS = ("bank", "exclude", "model")
"""Keys whose variable may hold several values."""
JSON_LIST = re.compile(r'\s*+\[\s*+["\]]')
"""How a JSON list of strings begins; a pattern of names may begin with `[` too."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Keys of `provenance.toml` (or `[tool.provenance]` of `pyproject.toml`)."""

    policy: str = "default"
    """Name of a built-in policy, or a policy file (relative to the configuration file)."""
    fail_on: FailOn = "high"
    show: Show | None = None
    """None: `low` for `check`, `review` for `scan`."""
    format: Format = "terminal"
    bank: list[str] = []
    """Banks (relative to the configuration file)."""
    only: list[str] = []
    without: list[str] = []
    exclude: list[str] = []
    """Patterns that `scan` passes over."""
    model: dict[str, str] = {}
    """Detector → its model (relative to the configuration file)."""
    device: Device = "cpu"
    fast: bool = False
    fingerprints: bool = False
    jobs: Annotated[int, msgspec.Meta(ge=0)] = 0
    """Worker processes; 0: one a core."""
    color: Color = "auto"
    lang: str = "en"
    detectors: dict[str, dict[str, Any]] = {}
    """Detector → its options."""


NAMES = tuple(Settings.__struct_fields__)


def user_folder() -> Path:
    """Return the folder of the user's own configuration."""
    from platformdirs import user_config_path

    return user_config_path("provenance")


def user_file() -> Path:
    """Return the user's own configuration file, which need not be there."""
    return user_folder() / "provenance.toml"


def required(path: Path) -> TomlFile:
    """Read a file that must be there.

    Raises:
        ConfigError: it cannot be read or is not TOML.
    """
    try:
        return toml_file.load(path)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error


def stated(file: TomlFile) -> dict[str, Any]:
    """Return the keys that a file sets, checked, with paths made absolute.

    Raises:
        ConfigError: it says what it may not; names file and line.
    """
    values = table(file)
    if values is None:
        raise ConfigError(f"{file.where}: has no [tool.provenance]")
    try:
        checked = msgspec.convert(values, Settings)
    except msgspec.ValidationError as error:
        file.refuse(error, lambda _path: NAMES, _words, _base(file))
    _known(file, "lang", checked.lang, languages())
    if not checked.policy.endswith(".toml") and "/" not in checked.policy:
        from provenance.verdict import names

        _known(file, "policy", checked.policy, names())
    return {key: _anchored(file, key, getattr(checked, key)) for key in values}


def table(file: TomlFile) -> Any:
    """Return our table of a file, None where a `pyproject.toml` has none."""
    if _base(file) == "$":
        return file.table
    tool = file.table.get("tool")
    return tool.get("provenance") if isinstance(tool, dict) else None


def _words(path: str) -> tuple[str, ...]:
    return WORDS.get(path.removeprefix("$."), ())


def _known(file: TomlFile, key: str, value: str, known: Sequence[str]) -> None:
    """Refuse a value that is none of those known."""
    if value not in known:
        advice = toml_file.nearest(value, known)
        raise ConfigError(
            f"{file.where}:{line_of(file, key)}: {key} {value!r} is unknown; {advice}"
        )


def _base(file: TomlFile) -> str:
    """Return the path of our table in a file."""
    return "$.tool.provenance" if Path(file.where).name == PYPROJECT else "$"


def line_of(file: TomlFile, key: str) -> int:
    """Return the line of a file on which a key of ours is set."""
    return file.line_of(f"{_base(file)}.{key}")


def _anchored(file: TomlFile, key: str, value: Any) -> Any:
    """Return a value with its paths as seen from where its file lies."""
    folder = Path(file.where).parent
    if key == "policy" and value.endswith(".toml"):
        return str(folder / value)
    if key == "bank":
        return [bank if "://" in bank else str(folder / bank) for bank in value]
    if key == "model":
        return {name: _model(folder, path) for name, path in value.items()}
    return value


def _model(folder: Path, value: str) -> str:
    """Return a model's path, or `RULE:DIR,DIR` with each path, as seen from a folder."""
    rule, colon, paths = value.partition(":")
    if not colon or "/" in rule:
        return str(folder / value)
    return f"{rule}:{','.join(str(folder / path) for path in paths.split(','))}"


def variable(name: str) -> str:
    """Return the environment variable of a key: `PROVENANCE_FAIL_ON`."""
    return f"PROVENANCE_{name.upper()}"


def environment() -> dict[str, str]:
    """Return the variables that are set, key → value; options of detectors have none."""
    keys = (name for name in NAMES if name != "detectors")
    return {name: os.environ[variable(name)] for name in keys if variable(name) in os.environ}


def several(name: str, text: str) -> list[str]:
    """Return the values of a variable: those of a JSON list of strings, else the one it holds.

    Raises:
        ConfigError: it begins as a list of strings, and is none.
    """
    if not JSON_LIST.match(text):
        return [text] if text else []
    try:
        return msgspec.json.decode(text, type=list[str])
    except (*MALFORMED, UnicodeEncodeError) as error:
        raise ConfigError(f'{name}: {error}; several values are JSON, ["a", "b"]') from error
