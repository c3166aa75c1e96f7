"""`provenance case`: what is known of some accounts, in one place."""

import click

from provenance.cli.case.build import build
from provenance.cli.case.export import export
from provenance.cli.case.show import show
from provenance.cli.suggest import Suggesting


@click.group(cls=Suggesting)
def case() -> None:
    """Gather what is known of some accounts: pictures, posts, network, matches.

    `build` makes a folder with the case and a page for the desk; `show` tells it in a terminal;
    `export` writes what may leave, ids and names replaced by keyed digests unless you say to whom
    they go.
    """


for command in (build, show, export):
    case.add_command(command)
