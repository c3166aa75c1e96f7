"""`provenance coordination`: accounts that post the same things at the same times."""

import sys
from pathlib import Path

import click

from provenance.cli.suggest import Suggesting


@click.group(cls=Suggesting)
def coordination() -> None:
    """Find accounts that post the same things at the same times."""


@coordination.command()
@click.argument("source", metavar="SHARES.csv", type=click.Path(path_type=Path))
@click.option(
    "--window", type=click.FloatRange(min=0), default=10.0, show_default=True, metavar="S",
    help="Seconds at most between two shares of an object.",
)  # fmt: skip
@click.option(
    "--min-participation", type=click.IntRange(min=1), default=2, show_default=True, metavar="N",
    help="Leave out accounts with fewer shares.",
)  # fmt: skip
@click.option(
    "--format", "form", type=click.Choice(["jsonl"]), default="jsonl", show_default=True,
    help="One pair a line.",
)  # fmt: skip
def pairs(source: Path, window: float, min_participation: int, form: str) -> None:  # noqa: ARG001 - there is one
    """List the pairs of contents that share an object within a window, as CooRTweet does.

    SHARES.csv has the columns object_id, account_id, content_id and timestamp_share (seconds).
    """
    import msgspec

    from provenance.coordination.pairs import pairs as found_in
    from provenance.coordination.shares import shares

    encode = msgspec.json.Encoder().encode
    for pair in found_in(shares(source), window, min_participation):
        row = pair._asdict()
        if pair.time_delta.is_integer():
            row["time_delta"] = int(pair.time_delta)
        sys.stdout.write(encode(row).decode() + "\n")
