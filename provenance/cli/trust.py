"""`provenance trust`: the lists of certificates that make a signer trusted."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from provenance.cli.options import words_or_json
from provenance.cli.suggest import Suggesting

if TYPE_CHECKING:
    from detectors.c2pa.trust import TrustList

USES = ("signers", "timestamps", "end-entities", "distrusted")


@click.group(cls=Suggesting)
def trust() -> None:
    """Show and change the lists of certificates that make a signer trusted.

    The package brings the public C2PA lists, dated; your own lie in your data folder. To use a
    newer edition of a packaged list, import it under the same name.
    """


@trust.command("list")
@words_or_json
def listed(form: str) -> None:
    """Show every list: date, age, what it is for, and whether it is in use."""
    from detectors.c2pa.trust import steady, user_folder
    from provenance.render.escape import json_text

    folder = user_folder()
    today = datetime.now(UTC).date()
    rows = steady(folder, lambda lists: [_described(row, row.age(today), folder) for row in lists])
    if form == "json":
        click.echo(json_text(rows))
    else:
        _table(rows)


def states() -> Iterator[tuple[str, date, int, Literal["off", "stale", "on"]]]:
    """Yield name, date of issue, age in days and use of each list, once its files are read.

    Raises:
        ConfigError: a file of a list cannot be read.
    """
    from detectors.c2pa.trust import STALE_AFTER, known, user_folder

    today = datetime.now(UTC).date()
    for row in known(user_folder()):
        row.pem(user_folder(), "signers", "timestamps", "end-entities", "distrusted")
        age = row.age(today)
        use: Literal["stale", "on"] = "stale" if age > STALE_AFTER else "on"
        yield row.name, row.issued, age, use if row.enabled else "off"


@trust.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--name", required=True, help="Name of the list; an existing part is replaced.")
@click.option("--issued", required=True, metavar="DATE", help="YYYY-MM-DD, the publisher's date.")
@click.option("--use", type=click.Choice(USES), required=True, help="What it is good for.")
def import_(file: Path, name: str, issued: str, use: Any) -> None:
    """Import the certificates of FILE (PEM), after checking every one of them."""
    from detectors.c2pa.trust import user_folder
    from detectors.c2pa.trust.edit import add, validated
    from provenance.engine.isolated import isolated

    def read(*given: Any) -> tuple[bytes, int]:
        return isolated(file.name, validated, *given)

    now = datetime.now(UTC)
    count = add(user_folder(), file, name=name, issued=issued, use=use, now=now, read=read)
    some = "certificate" if count == 1 else "certificates"
    click.echo(f"{name}: {count} {some} ({use}), issued {issued}.", err=True)


@trust.command()
@click.argument("name")
def remove(name: str) -> None:
    """Remove your list NAME."""
    from detectors.c2pa.trust import user_folder
    from detectors.c2pa.trust.edit import remove as take_away

    take_away(user_folder(), name)
    click.echo(f"{name}: removed.", err=True)


@trust.command()
@click.argument("name")
def enable(name: str) -> None:
    """Put list NAME in use."""
    _switch(name, enabled=True)


@trust.command()
@click.argument("name")
def disable(name: str) -> None:
    """Put list NAME out of use."""
    _switch(name, enabled=False)


def _switch(name: str, *, enabled: bool) -> None:
    """Enable or disable a list."""
    from detectors.c2pa.trust import user_folder
    from detectors.c2pa.trust.edit import switch

    switch(user_folder(), name, enabled=enabled)
    click.echo(f"{name}: {'in use' if enabled else 'not in use'}.", err=True)


def _described(row: "TrustList", age: int, folder: Path) -> dict[str, Any]:
    """Return what is shown of a list."""
    from detectors.c2pa.trust import STALE_AFTER

    return {
        "name": row.name,
        "issued": row.issued.isoformat(),
        "age_days": age,
        "stale": age > STALE_AFTER,
        "enabled": row.enabled,
        "parts": [
            {
                "use": part.use,
                "issued": part.issued.isoformat(),
                "certificates": row.pem(folder, part.use).count("-----BEGIN CERTIFICATE-----"),
                "source": part.source,
                "own": part.own,
            }
            for part in row.part
        ],
    }


def _table(rows: list[dict[str, Any]]) -> None:
    """Print the lists as a table; names and sources are the user's and are never read as markup."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD)
    for head in ("list", "issued", "age", "in use", "for", "from"):
        table.add_column(head)
    for row in rows:
        parts = [f"{part['certificates']} {part['use']}" for part in row["parts"]]
        age = f"{row['age_days']} days" + (" (old)" if row["stale"] else "")
        whose = ["you" if part["own"] else "package" for part in row["parts"]]
        used = "yes" if row["enabled"] else "no"
        cells = (row["name"], row["issued"], age, used, "\n".join(parts), "\n".join(whose))
        table.add_row(*(Text(cell) for cell in cells))
    console = Console(highlight=False)
    console.print(table)
    if any(row["stale"] and row["enabled"] for row in rows):
        console.print("A list older than 90 days may miss new signers and withdrawn ones.")
