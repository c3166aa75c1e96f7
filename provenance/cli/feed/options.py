"""What the commands of feeds share."""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from detectors.errors import ConfigError

F = TypeVar("F", bound=Callable[..., Any])
NEEDED: Final = ("tuf", "securesystemslib")
FEED: Final = click.argument("feed", type=click.Path(path_type=Path, file_okay=False))
KEYS: Final = click.option(
    "--keys",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the keys. [default: one in your data folder]",
)
SECRET_FILE: Final = "PROVENANCE_FEED_PASSPHRASE_FILE"  # noqa: S105 - of a file
"""Variable that names the file which holds the passphrase."""


class Folders(click.ParamType["tuple[Path, ...]"]):
    """Folders between commas."""

    name = "folders"

    def convert(
        self, value: Any, _param: click.Parameter | None, _ctx: click.Context | None
    ) -> tuple[Path, ...]:
        """Return the folders."""
        if isinstance(value, str):
            return tuple(Path(each) for each in value.split(",") if each)
        return tuple(value)


ROOT_KEYS: Final = click.option(
    "--root-keys",
    "roots",
    metavar="DIR,DIR,DIR",
    type=Folders(),
    default=(),
    help="Folders of the root keys, one for all or one each.",
)


def need() -> None:
    """Do nothing where the extra is installed.

    Raises:
        ConfigError: it is not.
    """
    if missing := [name for name in NEEDED if find_spec(name) is None]:
        raise ConfigError(f"feeds need {', '.join(missing)}: pip install 'provenance-check[feeds]'")


def now() -> datetime:
    """Return this moment, UTC, to the second."""
    return datetime.now(UTC).replace(microsecond=0)


def passphrase() -> bytes:
    """Return the passphrase of keys: of the file that the environment names, else asked for.

    Raises:
        ConfigError: the file cannot be read.
    """
    return _read() or _asked(confirm=False)


def new_passphrase() -> bytes:
    """Return the passphrase that new keys get."""
    return _read() or _asked(confirm=True)


def _read() -> bytes | None:
    name = os.environ.get(SECRET_FILE)
    if not name:
        return None
    try:
        return Path(name).read_bytes().strip() or None
    except OSError as error:
        raise ConfigError(f"{SECRET_FILE}: {name}: {error.strerror}") from error


def _asked(*, confirm: bool) -> bytes:
    said: str = click.prompt(
        "Passphrase of the keys", hide_input=True, confirmation_prompt=confirm, err=True
    )
    return said.encode()
