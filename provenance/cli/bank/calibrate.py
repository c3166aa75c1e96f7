"""`provenance bank calibrate`: what a chance match looks like in a user's own bank."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from detectors.bank.folder.store import Bank
from detectors.decode.sniff import Kind
from detectors.errors import CannotAssess, ConfigError
from provenance.cli.bank.options import timestamp
from provenance.intake import files
from provenance.intake.paths import Walk
from provenance.render.escape import escape

if TYPE_CHECKING:
    from detectors.bank.chance.tables import Tables
    from detectors.decode.picture import Picture

SHOWN: Final = (16, 21, 26)
"""Differing bits at which the change is shown: a hash that speaks alone, and the largest reach."""
COMPARED: Final = 48
"""Comparisons of an entry of two views with a picture of three views in eight turns."""


@click.command()
@click.option(
    "--bank", "path", required=True, type=click.Path(path_type=Path), help="The bank's folder."
)
@click.option(
    "--negatives",
    required=True,
    type=click.Path(path_type=Path),
    help="A folder of pictures that are not in the bank, of the kind that will be checked.",
)
@click.option("--dry-run", is_flag=True, help="Measure and show, write nothing.")
def calibrate(path: Path, negatives: Path, *, dry_run: bool) -> None:
    """Measure how often pictures that are not in BANK come near to it.

    The chance of a false match is then that of your bank and your pictures, kept beside its entries
    in calibration.json; remove that file to go back to the tables that come with the program.
    At least 60 pictures are needed, and a few hundred for a useful statement.
    """
    from detectors.bank.calibration import measured
    from detectors.bank.chance.file import load_calibration, save_calibration
    from detectors.bank.matching.search import Searcher

    if not negatives.is_dir():
        raise ConfigError(f"{negatives}: there is no such folder")
    bank = Bank(path)
    before, _ = load_calibration(path)
    names: list[str] = []
    done = measured(Searcher(bank), _pictures(negatives, names), now=timestamp())
    for number in done.same:
        click.echo(escape(f"left out, the bank has it: {names[number]}"), err=True)
    for what, why in done.unfitted.items():
        click.echo(escape(f"{what} keeps the table it had: {why}"), err=True)
    made = done.calibration
    click.echo(escape(f"{bank.name}: {made.negatives} pictures against {made.entries} entries"))
    for line in _changes(before, made.tables, made.entries):
        click.echo(line)
    if not dry_run:
        save_calibration(path, made)


def _pictures(folder: Path, names: list[str]) -> Iterator["Picture"]:
    """Yield the pictures below a folder, and note their names; report and skip broken ones."""
    for file in Walk([os.fspath(folder)], unwanted=True):
        item = files.item(file, follow=False)
        if item.fault is not None or item.kind is not Kind.IMAGE:
            continue
        try:
            picture = item.picture
        except CannotAssess as fault:
            click.echo(escape(f"{files.uri(file)}: {fault.reason.code}"), err=True)
            continue
        names.append(files.uri(file))
        yield picture


def _changes(before: "Tables", after: "Tables", entries: int) -> Iterator[str]:
    """Yield the chance of a false match before and after, for the bank as it is."""
    yield f"{'chance of a false match':<38}{'before':>18}{'now':>18}{'now, 95 % bound':>18}"
    for name, tail in after.kinds.items():
        kind, algorithm = name.split(" ")
        for bits in SHOWN:
            old, new = (
                tables.by_hash(bits, kind, algorithm).bank_wide(entries * COMPARED)
                for tables in (before, after)
            )
            words = (_odds(each) for each in (old.point, new.point, new.upper))
            yield f"{f'{name}, {bits} of 256 bits':<38}" + "".join(f"{word:>18}" for word in words)
        yield (
            f"  {tail.pairs:,} comparisons, line through the {tail.tail} up to {tail.threshold} "
            f"bits, fit {tail.fit:.2f}"
        )
    if after.local is not None:
        tail = after.local.tail
        yield f"local features: {tail.pairs:,} candidates, {tail.tail} of them near"


def _odds(chance: float) -> str:
    return f"1 in {float(f'{1 / chance:.2g}'):,.0f}" if chance > 0 else "none"
