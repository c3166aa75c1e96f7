"""`provenance feed answer` and `answers`: what was found of an entry, back to its publisher."""

from pathlib import Path

import click

from detectors.storing.atomic import atomic_write
from provenance.cli import offer
from provenance.cli.feed.options import FEED, need, now
from provenance.cli.suggest import Suggesting
from provenance.render.escape import escape

VERDICTS = ("confirmed", "false_match", "real_person", "disputed")


@click.command()
@click.argument("name", shell_complete=offer.feeds)
@click.argument("entries", metavar="ENTRY…", nargs=-1, required=True)
@click.option("--verdict", required=True, type=click.Choice(VERDICTS), help="What was found.")
@click.option("--reason", required=True, help="Why; the publisher reads it.")
def answer(name: str, entries: tuple[str, ...], verdict: str, reason: str) -> None:
    """Keep what was found of entries of the feed NAME, for its publisher.

    ENTRY is an id as it stands in your bank. Nothing is sent: `feed answers export` writes a file.
    """
    need()
    from provenance.feeds import answers as kept
    from provenance.feeds.follow import followed

    (feed,) = followed((name,))
    count = kept.answer(feed, entries, verdict, reason, now())
    click.echo(escape(f"{name}: {count} answered {verdict}"))


@click.group(cls=Suggesting)
def answers() -> None:
    """Answers to feeds as signed files: write yours, take in those of followers."""


@answers.command()
@click.argument("name", shell_complete=offer.feeds)
@click.option(
    "--out", required=True, type=click.Path(path_type=Path, dir_okay=False), help="File to write."
)
@click.option("--as", "who", default="", help="What you call yourself; the key tells who it is.")
def export(name: str, out: Path, who: str) -> None:
    """Write your answers to the feed NAME, signed with your key, to a file."""
    need()
    from provenance.feeds import answers as kept
    from provenance.feeds.follow import followed

    (feed,) = followed((name,))
    data, count = kept.written(feed, who)
    atomic_write(out, data)
    click.echo(escape(f"{name}: {count} answers in {out}"))


@answers.command(name="import")
@FEED
@click.argument("file", type=click.Path(path_type=Path))
def import_(feed: Path, file: Path) -> None:
    """Take in the answers of a FILE to your FEED; `feed show` counts them.

    They withdraw nothing. Anybody can make a key: see whose it is before you believe it.
    """
    need()
    from provenance.feeds.answers import Inbox
    from provenance.feeds.repository import Repository

    found = Inbox(Repository(feed).fingerprint).take(file)
    new = "" if found.known else ", a key never seen before"
    click.echo(escape(f"{len(found.answers)} answers of {found.name or 'somebody without a name'}"))
    click.echo(escape(f"  key {found.fingerprint}{new}"))
    for each in found.answers:
        click.echo(escape(f"  {each.entry}  {each.verdict}  ({each.reason})"))
