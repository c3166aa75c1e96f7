"""`provenance config`: the configuration in force."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from provenance.cli.suggest import Suggesting

if TYPE_CHECKING:
    from provenance.cli.settings import Found

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
    on the command line over all. The project's file is the one that --config or PROVENANCE_CONFIG
    names, else the nearest provenance.toml (or pyproject.toml with [tool.provenance]).
    """
    from provenance.cli import settings
    from provenance.cli.secrets import without_secrets
    from provenance.render.escape import escape

    found = settings.load()
    variables = settings.environment()
    for key in settings.NAMES:
        value = variables.get(key, getattr(found.settings, key))
        whence = settings.variable(key) if key in variables else found.origin[key]
        shown = without_secrets(json.dumps(_veiled(value), ensure_ascii=False))
        line = f"{key} = {shown}"
        click.echo(escape(f"{line}  # {whence}" if origin else line))
    if origin:
        for line in _whence(found):
            click.echo(escape(line), err=True)


def _whence(found: "Found") -> Iterator[str]:
    """Yield what is to be known of the files."""
    from provenance.cli import project

    if not found.files:
        yield "no configuration file found"
    elif found.project and not project.is_allowed(found.project):
        yield (
            f"{found.project} holds for items that lie elsewhere; for those in, above or below its"
            " folder, name it with --config or allow it (`provenance config allow`)"
        )


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
    """Give a value with a sign in the place of every secret."""
    if isinstance(value, dict):
        return {name: "…" if name in KEYS else _veiled(one) for name, one in value.items()}
    return [_veiled(one) for one in value] if isinstance(value, list) else value
