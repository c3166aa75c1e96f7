"""Options of the commands that keep banks: `--bank`, and `--reinstate` with its reason."""

from datetime import UTC, datetime
from typing import Any, Final

import click

from detectors.bank.exchange.row import printable
from detectors.bank.location import BankLocation, location_of
from provenance.cli import offer


class PlaceType(click.ParamType["BankLocation"]):
    """A bank's folder, or its address on a server."""

    name = "bank"

    def convert(
        self, value: Any, _param: click.Parameter | None, _ctx: click.Context | None
    ) -> BankLocation:
        """Return where the bank lies; the message of an unreadable address does not repeat it."""
        return location_of(value) if isinstance(value, str) else value


PLACE = PlaceType()
BANK = click.option(
    "--bank",
    "path",
    required=True,
    type=PLACE,
    metavar="BANK",
    shell_complete=offer.files,
    help="The bank's folder, or postgresql://HOST/DATABASE?bank=NAME.",
)
REINSTATE: Final = click.option(
    "--reinstate",
    is_flag=True,
    help="Take in pictures that were withdrawn or disputed here, or are kept as harmless.",
)
WHY: Final = click.option("--reason", help="Why, with --reinstate; it is kept with the entry.")
OVERRIDE: Final = "--reinstate --reason TEXT takes it in"


def why(*, reinstate: bool, reason: str | None) -> str | None:
    """Return why pictures are reinstated; None where they are not.

    Raises:
        click.UsageError: one of the two options is given alone.
    """
    said = printable(reason or "").strip()
    if reinstate != bool(said):
        raise click.UsageError("--reinstate needs --reason TEXT, and --reason needs --reinstate")
    return said if reinstate else None


def timestamp() -> str:
    """Return the time of this moment as an entry of a bank holds it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
