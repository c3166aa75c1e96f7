"""`provenance detectors`: the catalog, loaded."""

import json

import click

from detectors.errors import ConfigError
from detectors.spec import Spec


@click.command()
@click.option(
    "--format",
    "form",
    type=click.Choice(["terminal", "json"]),
    default="terminal",
    show_default=True,
)
def detectors(form: str) -> None:
    """Show what looks, at what, and with which version; plug-ins included."""
    from detectors.catalog import catalog

    rows = [_row(spec) for spec in catalog()]
    if form == "json":
        click.echo(json.dumps(rows, indent=1, ensure_ascii=False))
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from provenance.cli.run import width
    from provenance.render.escape import escape

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("detector", "tier", "looks at", "what it looks for", "version"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(escape(str(value)) for value in row.values()))
    Console(width=width(), highlight=False, markup=False, emoji=False).print(table)


def _row(spec: Spec) -> dict[str, str]:
    try:
        version = spec.load({}).version
    except ConfigError as error:
        version = f"cannot be used: {error}"
    except Exception as error:  # noqa: BLE001 - a plug-in may raise anything at import
        version = f"cannot be loaded: {type(error).__name__}: {error}"
    return {
        "name": spec.name,
        "tier": spec.tier.value,
        "kinds": ", ".join([kind.value for kind in spec.kinds] + list(spec.media_types)),
        "summary": spec.summary,
        "version": version,
    }
