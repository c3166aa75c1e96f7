"""`provenance feed init`, `publish`, `renew`, `rotate` and `show`."""

from pathlib import Path
from typing import Any

import click
import msgspec

from detectors.errors import ConfigError
from provenance.cli.bank.options import PLACE
from provenance.cli.feed.options import (
    FEED,
    KEYS,
    ROOT_KEYS,
    need,
    new_passphrase,
    now,
    passphrase,
)
from provenance.render.escape import escape

BESIDE = (
    "the root keys lie beside the online keys: whoever gets these gets all. Move them to"
    " media that are kept offline; publishing does not need them"
)
NOT_OPEN = "TLP:AMBER is for those whom you know: do not put this feed on an open server"


@click.command()
@FEED
@click.option("--name", required=True, help="A short name: letters, digits, _ and -.")
@click.option("--publisher", required=True, help="Who publishes it.")
@click.option("--contact", required=True, help="Where to write about an entry.")
@click.option("--license", "license_", default="", help="Under which its entries may be used.")
@click.option(
    "--tlp",
    type=click.Choice(["CLEAR", "GREEN", "AMBER"]),
    default="GREEN",
    show_default=True,
    help="The strictest TLP of its entries.",
)
@KEYS
@ROOT_KEYS
@click.option(
    "--threshold", type=int, default=2, show_default=True, help="Root keys that sign together."
)
@click.option("--passphrase", "locked", is_flag=True, help="Encrypt the keys.")
def init(
    feed: Path,
    keys: Path | None,
    roots: tuple[Path, ...],
    threshold: int,
    license_: str,
    *,
    locked: bool,
    **said: Any,
) -> None:
    """Make an empty feed and its keys, and print its fingerprint.

    FEED is a folder that is empty or not there. The keys lie elsewhere; give the fingerprint to
    those who are to follow, by another way than the feed.
    """
    need()
    from provenance.feeds.keys import beside
    from provenance.feeds.publish import init as made
    from provenance.feeds.settings import Settings

    about = msgspec.convert({**said, "license": license_}, Settings)
    secret = new_passphrase() if locked else None
    fingerprint, where = made(
        feed, about, now(), where=keys, root_where=roots, threshold=threshold, secret=secret
    )
    _say(f"{about.name}: fingerprint {fingerprint}")
    _say(f"  keys: {where.keys}")
    for each in dict.fromkeys(where.root_keys):
        _say(f"  root keys: {each}")
    if beside(where):
        _warn(BESIDE)
    _if_amber(said["tlp"])


@click.command()
@FEED
@click.option(
    "--bank",
    "banks",
    multiple=True,
    type=PLACE,
    metavar="BANK",
    help="Whose entries the feed holds; may be repeated. [default: those that it holds stay]",
)
@click.option(
    "--baseline-days",
    type=click.IntRange(1),
    default=30,
    show_default=True,
    help="Days for which changes are kept, so that who is behind needs no snapshot.",
)
@click.option(
    "--case",
    "cases",
    multiple=True,
    type=click.Path(path_type=Path, file_okay=False),
    metavar="CASE",
    help="Case whose public part goes along; may be repeated. [default: those that it holds stay]",
)
@click.option("--answers", is_flag=True, help="Publish your answers to the feeds that you follow.")
@click.option("--misp", is_flag=True, help="Write FEED/misp too, a MISP feed without signatures.")
@click.option("--stix", is_flag=True, help="Write FEED/stix too, a bundle without signatures.")
@KEYS
def publish(feed: Path, banks: tuple[Any, ...], keys: Path | None, **said: Any) -> None:
    """Publish the entries of banks that may leave, withdrawn ones as tombstones.

    Entries stricter than the feed's TLP stay, and are counted; one that was published before leaves
    as a tombstone without hashes. Without a change the time stamp alone is signed anew.
    """
    need()
    from provenance.feeds.publish import Publisher

    done = Publisher(feed, passphrase, keys).publish(banks, now(), **said)
    changes = f"{done.changed} changed" + (f", {done.vanished} gone" if done.vanished else "")
    _say(f"{done.name}: sequence {done.sequence}, {done.entries} entries, {changes}")
    if done.held:
        _say(f"  held back {sum(done.held.values())} entries stricter than TLP:{done.tlp}")
    for tlp, count in done.held.items():
        _say(f"  held back {count}: TLP:{tlp}")
    for name in ("misp", "stix"):
        if said[name]:
            _say(f"  {feed / name}: carries no signatures")
    _if_amber(done.tlp)


@click.command()
@FEED
@KEYS
def renew(feed: Path, keys: Path | None) -> None:
    """Sign a new time stamp, so that followers know the feed to be fresh."""
    need()
    from provenance.feeds.publish import Publisher

    until = Publisher(feed, passphrase, keys).renew(now())
    _say(f"fresh until {until:%Y-%m-%d %H:%M} UTC")


@click.command()
@FEED
@click.option(
    "--role",
    "roles",
    required=True,
    multiple=True,
    type=click.Choice(["timestamp", "snapshot", "targets", "root"]),
    help="Whose key is replaced; may be repeated.",
)
@KEYS
@ROOT_KEYS
@click.option("--passphrase", "locked", is_flag=True, help="Encrypt the new key.")
def rotate(
    feed: Path, roles: tuple[str, ...], keys: Path | None, roots: tuple[Path, ...], *, locked: bool
) -> None:
    """Replace keys, by the root keys.

    Of the root keys the lost one is replaced, else the first. Keys that are lost together are
    replaced together. Followers go on by themselves.
    """
    need()
    from provenance.feeds.publish import Publisher

    secret = new_passphrase() if locked else None
    made = Publisher(feed, passphrase, keys, roots).rotate(roles, now(), secret)
    for role, key in made.items():
        _say(f"{role}: new key {key}")


@click.command()
@FEED
@KEYS
def show(feed: Path, keys: Path | None) -> None:
    """Show what a feed says of itself, its fingerprint, and until when its signatures hold."""
    need()
    from provenance.feeds.answers import Inbox
    from provenance.feeds.keys import beside, folders
    from provenance.feeds.repository import Repository
    from provenance.feeds.show import described

    repository = Repository(feed)
    for line in described(repository, now()):
        _say(line)
    for entry, verdict, count in Inbox(repository.fingerprint).counted():
        some = "partner" if count == 1 else "partners"
        _say(f"  answered  {entry}  {verdict}  by {count} {some}")
    try:
        where = folders(repository.fingerprint, keys, ())
    except ConfigError:  # made on another machine
        return
    if beside(where):
        _warn(BESIDE)


def _if_amber(tlp: str) -> None:
    if tlp == "AMBER":
        _warn(NOT_OPEN)


def _say(line: str) -> None:
    click.echo(escape(line))


def _warn(line: str) -> None:
    click.echo(escape(f"provenance: {line}"), err=True)
