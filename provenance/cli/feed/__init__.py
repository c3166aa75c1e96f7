"""`provenance feed`: publish what a bank knows, signed, and follow what others publish."""

import click

from provenance.cli.feed.answering import answer, answers
from provenance.cli.feed.following import follow, list_, status, unfollow, update
from provenance.cli.feed.publishing import init, publish, renew, rotate, show
from provenance.cli.suggest import Suggesting


@click.group(cls=Suggesting)
def feed() -> None:
    """Publish what a bank knows as a signed folder, and follow the feeds of others.

    A feed is a folder for any web server or USB stick. Whoever has the fingerprint of its root can
    tell, offline, that nobody on the way changed it, held it back or mixed it.
    """


for command in (
    answer, answers, init, publish, renew, rotate, show, follow, update, list_, status, unfollow,
):  # fmt: skip
    feed.add_command(command)
