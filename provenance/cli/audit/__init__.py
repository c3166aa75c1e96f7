"""`provenance audit`: the log of decisions, its proof, and what people said of them."""

import click

from provenance.cli.audit.appeal import appeal, stats
from provenance.cli.audit.bundle import bundle, check_bundle
from provenance.cli.audit.export import export
from provenance.cli.audit.forget import forget
from provenance.cli.audit.replay import replay
from provenance.cli.audit.show import show
from provenance.cli.audit.verify import init, repair, verify
from provenance.cli.suggest import Suggesting


@click.group(cls=Suggesting)
def audit() -> None:
    """Keep a log of decisions that can be shown, judged again and proved.

    `scan --audit LOG` writes a line a decision. Each line holds the digest of the one before, and
    signed checkpoints say how many lines there are, so that no change goes unseen by whoever has
    the public key and a checkpoint.
    """


for command in (
    init, verify, repair, show, replay, appeal, stats, bundle, check_bundle, export, forget,
):  # fmt: skip
    audit.add_command(command)
