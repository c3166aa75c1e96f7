"""The option `--bank` of the commands that keep banks."""

from typing import Any

import click

from detectors.known_fakes.bank.place import Place, place


class PlaceType(click.ParamType["Place"]):
    """A bank's folder, or its address on a server."""

    name = "bank"

    def convert(
        self, value: Any, _param: click.Parameter | None, _ctx: click.Context | None
    ) -> Place:
        """Give where the bank lies; the message of an unreadable address does not repeat it."""
        return place(value) if isinstance(value, str) else value


PLACE = PlaceType()
BANK = click.option(
    "--bank",
    "path",
    required=True,
    type=PLACE,
    metavar="BANK",
    help="The bank's folder, or postgresql://HOST/DATABASE?bank=NAME.",
)
