"""`provenance config`: the configuration in force."""

import json
import re
from typing import Any, Final

import click

SECRET: Final = re.compile(r"(://[^:/?@\s\"]*:)[^\s\"]*(?=@)|(password=)[^&\s\"]*")
"""What an address of a bank may hold that a screen should not."""
KEYS: Final = frozenset({"hashing_key", "keys"})
"""Options of detectors whose values are secrets."""


@click.group()
def config() -> None:
    """Show the configuration in force."""


@config.command()
@click.option("--origin", is_flag=True, help="Name the file or variable each value comes from.")
def show(origin: bool) -> None:
    """Print every key and its value.

    A variable PROVENANCE_KEY wins over the nearest provenance.toml (or [tool.provenance] of
    pyproject.toml), that over the user's own file, and an option on the command line over all.
    """
    from provenance.cli import settings
    from provenance.render.escape import escape

    found = settings.load()
    variables = settings.environment()
    for key in settings.NAMES:
        value = variables.get(key, getattr(found.settings, key))
        whence = settings.variable(key) if key in variables else found.origin[key]
        shown = SECRET.sub(r"\1\2…", json.dumps(_veiled(value), ensure_ascii=False))
        line = f"{key} = {shown}"
        click.echo(escape(f"{line}  # {whence}" if origin else line))
    if origin and not found.files:
        click.echo("no configuration file found", err=True)


def _veiled(value: Any) -> Any:
    """Give a value with a sign in the place of every secret."""
    if isinstance(value, dict):
        return {name: "…" if name in KEYS else _veiled(one) for name, one in value.items()}
    return [_veiled(one) for one in value] if isinstance(value, list) else value
