"""`provenance feed follow`, `update`, `list`, `status` and `unfollow`."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from detectors.errors import Error
from provenance.cli import offer
from provenance.cli.feed.options import need, now
from provenance.cli.options import words_or_json
from provenance.render.escape import escape, json_text

if TYPE_CHECKING:
    from provenance.feeds.follow import Followed, Updated

NAMES = click.argument("names", metavar="[NAME]…", nargs=-1, shell_complete=offer.feeds)


@click.command()
@click.argument("location")
@click.option(
    "--root",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The feed's first root, as its publisher gave it to you.",
)
@click.option("--fingerprint", metavar="SHA256", help="SHA-256 of its first root.")
@click.option(
    "--bank",
    required=True,
    shell_complete=offer.files,
    help="The bank that it fills; made where there is none.",
)
@click.option("--prefix", default="", help="Put before every id, so that none can meet.")
@click.option("--name", help="What to call it here. [default: what it calls itself]")
@click.option(
    "--dispute-withdrawn",
    "dispute",
    is_flag=True,
    help="What it withdraws becomes disputed here, for you to decide.",
)
def follow(
    location: str, root: Path | None, fingerprint: str | None, bank: str, **said: Any
) -> None:
    """Begin to follow the feed at LOCATION, https://… or a folder.

    Its metadata are verified; its entries come with `feed update`.
    """
    need()
    if (root is None) == (fingerprint is None):
        raise click.UsageError("give --root FILE or --fingerprint SHA256, as the publisher told it")
    from provenance.feeds.follow import follow as followed

    made = followed(location, bank, root=root, fingerprint=fingerprint, **said)
    about = made.about
    _say(f"{made.name}: {about.publisher} ({about.contact}), TLP:{about.tlp}")
    _say(f"  sequence {about.sequence}; `provenance feed update {made.name}` brings its entries")


@click.command()
@NAMES
@click.pass_context
def update(ctx: click.Context, names: tuple[str, ...]) -> None:
    """Bring what the feeds say now into their banks; silent where nothing is new.

    Each feed is one transaction. One that is refused changes nothing, and the others go on. Exit
    code 0: all are fresh; 2: one is not, and the reason is on standard error.
    """
    need()
    from provenance.feeds.follow import followed
    from provenance.feeds.follow import update as updated

    code = 0
    for feed in followed(names):
        try:
            for line in _news(updated(feed.name, now())):
                _say(line)
        except Error as error:
            click.echo(escape(f"provenance: {feed.name}: {error}"), err=True)
            code = 2
    ctx.exit(code)


def _news(done: "Updated") -> Iterator[str]:
    """Yield what an update brought, in words."""
    if done.report is None:
        return
    counts = ", ".join(f"{count} {name}" for name, count in done.report.outcomes.items())
    yield f"{done.name}: sequence {done.before} to {done.sequence}: {counts or 'nothing taken'}"
    for each in done.report.vanished:
        yield f"  disputed  {each}  (left the feed without being withdrawn)"
    for found in done.report.decided:
        yield f"  parked  {found.id or ''}  ({found.detail or found.code})"
    for code, count in sorted(done.report.refused.items()):
        yield f"  refused {count}: {code}"


@click.command("list")
@words_or_json
def list_(form: str) -> None:
    """List the feeds that are followed."""
    need()
    from provenance.feeds.follow import followed

    found = followed()
    if form == "json":
        click.echo(json_text([_row(each) for each in found]))
        return
    for each in found:
        _say(f"{each.name}  {each.location}  to {each.bank}  {each.about.publisher}")


@click.command()
@words_or_json
def status(form: str) -> None:
    """Say how far and how fresh each feed is; opens no connection."""
    need()
    from provenance.feeds.follow import followed

    rows = [_row(each) for each in followed()]
    if form == "json":
        click.echo(json_text(rows))
        return
    for row in rows:
        if row["sequence"] is None:
            _say(f"{row['name']}  not updated yet")
            continue
        state = "expired" if row["expired"] else "fresh"
        _say(f"{row['name']}  sequence {row['sequence']}, {row['age_days']} days old, {state}")


def _row(feed: "Followed") -> dict[str, Any]:
    """Return what is told of a feed."""
    state, at = feed.state, now()
    today = at.date().isoformat()
    return {
        "name": feed.name,
        "publisher": feed.about.publisher,
        "contact": feed.about.contact,
        "location": feed.location,
        "bank": feed.bank,
        "prefix": feed.prefix,
        "dispute_withdrawn": feed.dispute,
        "fingerprint": feed.fingerprint,
        "tlp": feed.about.tlp,
        "sequence": state.sequence if state else None,
        "checked": state.checked if state else None,
        "expires": state.expires if state else None,
        "age_days": state.age(today) if state else None,
        "expired": state.expires < f"{at:%Y-%m-%dT%H:%M:%SZ}" if state else None,
    }


@click.command()
@click.argument("name", shell_complete=offer.feeds)
@click.option(
    "--withdraw-entries", "withdraw", is_flag=True, help="Withdraw all entries that it brought."
)
def unfollow(name: str, *, withdraw: bool) -> None:
    """Forget the feed NAME; its entries stay in use unless they are withdrawn."""
    need()
    from provenance.feeds.follow import unfollow as forget

    count = forget(name, now(), withdraw=withdraw)
    _say(f"{name}: no longer followed" + (f", {count} entries withdrawn" if withdraw else ""))


def _say(line: str) -> None:
    click.echo(escape(line))
