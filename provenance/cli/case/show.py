"""`provenance case show`: a case, or one of its accounts, in a terminal."""

import sys
from pathlib import Path

import click

from detectors.errors import ConfigError
from provenance.cli.options import speaking


@click.command()
@click.argument("case", metavar="CASE", type=click.Path(file_okay=False, path_type=Path))
@click.argument("account", required=False)
@speaking
def show(case: Path, account: str | None, lang: str | None) -> None:
    """Show the CASE in short: its accounts by risk, its clusters, and what was not looked at.

    With ACCOUNT (its id or handle), all that is known of that account.
    """
    from provenance.cases.case import load
    from provenance.cli.options import configuration, language
    from provenance.cli.run import colour, width
    from provenance.render import RenderOptions
    from provenance.render.case import Screen

    found = load(case)
    utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    locale = language(configuration([str(case)], {"config": None}), {"lang": lang})
    look = RenderOptions(width=width(), colour=colour("auto"), unicode=utf8, locale=locale)
    screen = Screen(sys.stdout, look)
    if account is None:
        screen.case(found)
        return
    one = next((a for a in found.accounts if account in (a.account_id, a.handle)), None)
    if one is None:
        raise ConfigError(f"{case}: has no account {account!r}; `case show {case}` lists them")
    screen.account(one, found)
