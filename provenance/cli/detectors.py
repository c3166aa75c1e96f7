"""`provenance detectors`: the catalog, loaded."""

import textwrap

import click

from detectors.errors import ConfigError
from detectors.spec import Spec
from provenance.cli.run import width

STEP = "    "


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
    from provenance.render.escape import escape, json_text

    if form == "json":
        click.echo(json_text(rows))
        return
    for row in rows:
        click.echo(escape(f"{row['name']:<18}{row['tier']:<13}{row['kinds']}"))
        for line in (row["summary"], row["version"]):
            click.echo(
                textwrap.fill(escape(line), width(), initial_indent=STEP, subsequent_indent=STEP)
            )


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
