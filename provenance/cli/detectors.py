"""`provenance detectors`: the catalog, loaded."""

import textwrap
from datetime import UTC, datetime

import click

from detectors.errors import Error, NotLoadedError
from detectors.spec import Spec
from provenance.cli.options import words_or_json
from provenance.cli.run import width
from provenance.engine.config import RunConfig

STEP = "    "


@click.command()
@words_or_json
def detectors(form: str) -> None:
    """Show what looks, at what, and with which version; plug-ins included."""
    from detectors.catalog import catalog
    from provenance.engine.config import configure
    from provenance.render.escape import escape, json_text

    config = configure(catalog(), today=datetime.now(UTC).date().isoformat())
    rows = [_row(spec, config) for spec in config.specs]

    if form == "json":
        click.echo(json_text(rows))
        return
    for row in rows:
        click.echo(escape(f"{row['name']:<18}{row['tier']:<13}{row['kinds']}"))
        for line in (row["summary"], row["version"]):
            click.echo(
                textwrap.fill(escape(line), width(), initial_indent=STEP, subsequent_indent=STEP)
            )


def _row(spec: Spec, config: RunConfig) -> dict[str, str]:
    try:
        version = spec.load(config.options.get(spec.name, {})).version
    except Error as error:
        version = f"cannot be used: {error}"
    except NotLoadedError as error:
        version = f"cannot be loaded: {error}"
    return {
        "name": spec.name,
        "tier": spec.tier.value,
        "kinds": ", ".join([kind.value for kind in spec.kinds] + list(spec.media_types)),
        "summary": spec.summary,
        "version": version,
    }
