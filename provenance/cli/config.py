"""`provenance config`: the configuration in force."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import click

from provenance.cli.suggest import Suggesting

KEYS: Final = frozenset({"hashing_key", "keys"})
"""Options of detectors whose values are secrets."""


@click.group(cls=Suggesting)
def config() -> None:
    """Show the configuration in force, and allow that of a project."""


@config.command()
@click.option("--origin", is_flag=True, help="Name the file or variable each value comes from.")
def show(origin: bool) -> None:
    """Print every key and its value.

    A variable PROVENANCE_KEY wins over the project's file, that over the user's own, and an option
    on the command line over all. A project's file is shown where it is obeyed for the items of this
    folder: named by PROVENANCE_CONFIG, or allowed (`provenance config allow`).
    """
    from provenance.cli import settings
    from provenance.cli.configuration import load
    from provenance.cli.secrets import without_secrets
    from provenance.render.escape import escape

    found = load(["."])
    variables = settings.environment()
    said = {key: _of(key, variables) for key in variables}
    for key in settings.NAMES:
        value = said.get(key, getattr(found.settings, key))
        whence = settings.variable(key) if key in said else found.origin[key]
        shown = without_secrets(json.dumps(_veiled(value), ensure_ascii=False))
        line = f"{key} = {shown}"
        click.echo(escape(f"{line}  # {whence}" if origin else line))
    if found.ignored:
        click.echo(escape(f"provenance: {found.ignored}"), err=True)
    elif origin and not found.files:
        click.echo("no configuration file found", err=True)


def _of(key: str, variables: Mapping[str, str]) -> str | list[str]:
    """Return the value of a variable that is set."""
    from provenance.cli import settings

    several = key in settings.LISTS
    return settings.several(settings.variable(key), variables[key]) if several else variables[key]


@config.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
def allow(file: Path | None) -> None:
    """Obey this version of a project's FILE, wherever the items lie.

    A provenance.toml (or pyproject.toml) that lies in, above or below the folder of what is checked
    may be the sender's, so it is not obeyed. This records the file's path and SHA-256 in your own
    folder; when the file changes, it has to be allowed again. Read it first: it can switch
    detectors off and name servers. Files that it names (policies, banks) are not recorded.

    Without FILE, the nearest one of this folder or above it.
    """
    from provenance.cli import project
    from provenance.render.escape import escape

    path, digest = project.allow(file)
    click.echo(escape(f"{path} is obeyed in this version (SHA-256 {digest})"), err=True)


def _veiled(value: Any) -> Any:
    """Return a value with a sign in the place of every secret."""
    if isinstance(value, dict):
        return {name: "…" if name in KEYS else _veiled(one) for name, one in value.items()}
    return [_veiled(one) for one in value] if isinstance(value, list) else value
