"""`provenance audit appeal` and `stats`: what people said of decisions, and how often."""

from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from provenance.audit.entry import Outcome
from provenance.cli.audit.options import LOG, REASON, tell, text

if TYPE_CHECKING:
    from provenance.audit.stats import Counts


@click.command()
@LOG
@click.argument("n", type=click.IntRange(min=0))
@click.option(
    "--outcome",
    type=click.Choice(get_args(Outcome)),
    required=True,
    help="The decision stands, falls, or something is to be remembered of it.",
)
@REASON
def appeal(log: Path, n: int, outcome: Outcome, reason: str) -> None:
    """Write what came of an appeal against decision N.

    It is a line of its own that points to line N; nothing is overwritten.
    """
    from provenance.audit.entry import Appeal
    from provenance.audit.folder import LogFolder, digest
    from provenance.audit.log import AuditLog
    from provenance.audit.reading import Reader

    line, _ = Reader(LogFolder(log)).decision(n)
    said = Appeal(line=n, sha256=digest(line), outcome=outcome, reason=text(reason))
    with AuditLog(log) as opened:
        opened.add(appeal=said)
        tell("appealed", at=opened.size - 1, n=n, outcome=outcome)


@click.command()
@LOG
def stats(log: Path) -> None:
    """Count decisions, appeals and reversals by policy, detector and code.

    A decision counts for each finding that decided it. Reversals are the false accusations that
    people found: their share of all decisions is a least one, for not everybody appeals.
    """
    from provenance.audit.folder import LogFolder
    from provenance.audit.reading import Reader
    from provenance.audit.stats import stats as counted

    found = counted(Reader(LogFolder(log)))
    tell("stats_head")
    for cause, counts in found.items():
        code = cause.code or _word("stats_undecided")
        tell(
            "stats_row",
            policy=cause.policy,
            looked=cause.detector or "-",
            code=code,
            decisions=counts.decisions,
            appeals=counts.appeals,
            reversals=counts.reversals,
        )
        _shares(counts)


def _shares(counts: "Counts") -> None:
    """Print the shares of a cause, where there was an appeal."""
    from detectors.models.statistics import wilson

    if not counts.appeals:
        return
    low, high = wilson(counts.reversals, counts.appeals)
    least_low, least_high = wilson(counts.reversals, counts.decisions)
    click.echo("    ", nl=False)
    tell(
        "stats_share",
        share=counts.reversals / counts.appeals,
        low=low,
        high=high,
        least=counts.reversals / counts.decisions,
        least_low=least_low,
        least_high=least_high,
    )


def _word(code: str) -> str:
    from detectors.signal import Reason
    from provenance.messages import say

    return say(Reason(f"audit.{code}"))
