"""`provenance audit replay`: judge again what was seen, or look again."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from provenance.cli import offer
from provenance.cli.audit.options import LOG, tell

if TYPE_CHECKING:
    from detectors.signal import Signal
    from provenance.audit.reading import Decision, Reader
    from provenance.record import Record

WRONG: Final = 1
ASKED: Final = (
    "policy", "without", "banks", "models", "device", "fast", "fingerprints", "config",
)  # fmt: skip
"""Options of `check` that this command has not: the configuration decides."""


@click.command()
@LOG
@click.argument("n", required=False, type=click.IntRange(min=0))
@click.option(
    "--policy",
    metavar="NAME|FILE",
    shell_complete=offer.policies,
    help="Show what another policy would have decided: how a policy is tried before it is used.",
)
@click.option(
    "--items",
    metavar="FOLDER",
    type=click.Path(exists=True, file_okay=False),
    help="Look at the items again, found in FOLDER by their bytes (posts by their name), and list"
    " signals that differ. Banks and models are those of your configuration.",
)
@click.pass_context
def replay(
    ctx: click.Context, log: Path, n: int | None, policy: str | None, items: str | None
) -> None:
    """Judge the stored signals again, of line N or of every decision.

    Under the policy that the log keeps they must give the stored verdict: exit 0, else 1. With
    --policy, what would change is listed, exit 0. With --items, signals that differ are: exit 1
    where there is one.
    """
    from provenance.audit.folder import LogFolder
    from provenance.audit.reading import Reader

    if policy and items:
        raise click.UsageError("--policy goes without --items")
    reader = Reader(LogFolder(log))
    chosen = [reader.decision(n)[1]] if n is not None else reader.decisions()
    if policy:
        _changes(chosen, policy)
    elif items:
        ctx.exit(WRONG if _looked_again(list(chosen), items) else 0)
    else:
        ctx.exit(WRONG if _wrong(reader, chosen) else 0)


def _wrong(reader: "Reader", decisions: "Iterator[Decision] | list[Decision]") -> int:
    """Name the decisions whose signals do not give their verdict; return how many there are."""
    from detectors.errors import Error
    from provenance.audit.replay import holds
    from provenance.version import __version__

    total = wrong = 0
    others = set[str]()
    for entry, record in decisions:
        total += 1
        named = record.verdict.policy
        try:
            same = holds(record, reader.policy(named.sha256, named.name))
        except Error as error:
            same = False
            click.echo(f"provenance: {error}", err=True)
        if not same:
            wrong += 1
            tell("replay_fails", n=entry.n, policy=named.name, uri=record.item.uri)
            others |= {record.tool.version} - {__version__}
    for version in sorted(others):
        tell("replay_version", then=version, now=__version__)
    if wrong:
        tell("replay_failed", count=wrong, total=total)
    else:
        tell("replay_holds", count=total)
    return wrong


def _changes(decisions: "Iterator[Decision] | list[Decision]", name: str) -> None:
    """List the decisions whose risk or origin another policy would change."""
    from detectors.decode.untrusted import MALFORMED
    from provenance.audit.replay import replayed
    from provenance.render.escape import escape
    from provenance.verdict import load

    policy = load(name)
    total = count = 0
    for entry, record in decisions:
        total += 1
        before = record.verdict
        try:
            after = replayed(record, policy).verdict
        except MALFORMED:
            tell("replay_unjudged", n=entry.n, uri=record.item.uri)
            continue
        if (before.risk, before.origin) != (after.risk, after.origin):
            count += 1
            then, now = f"{before.risk} {before.origin}", f"{after.risk} {after.origin}"
            click.echo(escape(f"{entry.n:>7}  {then:<25} -> {now:<25} {record.item.uri}"))
    tell("replay_changes", count=count, total=total, policy=policy.name)


def _looked_again(decisions: "Sequence[Decision]", folder: str) -> int:
    """List the signals that a fresh look at the items does not give; return how many differ."""
    by_item = defaultdict[str, list["Decision"]](list)
    for decision in decisions:
        item = decision.record.item
        by_item[item.sha256 or item.uri].append(decision)
    found = set[int]()
    count = 0
    names = {name for _, record in decisions for name in record.tool.detectors}
    for fresh in _fresh(folder, names):
        for entry, record in by_item.get(fresh.item.sha256 or fresh.item.uri, ()):
            if entry.n in found:
                continue
            found.add(entry.n)
            for detector, then, now in _differences(record, fresh):
                count += 1
                tell(
                    "replay_differs",
                    n=entry.n,
                    detector=detector,
                    uri=record.item.uri,
                    then=", ".join(then) or "-",
                    now=", ".join(now) or "-",
                )
    tell("replay_items", found=len(found), total=len(decisions), folder=folder, count=count)
    return count


def _fresh(folder: str, names: set[str]) -> "Iterator[Record]":
    """Yield the records of the items of a folder, looked at by these detectors."""
    from detectors.catalog import catalog
    from provenance.cli.options import choice, configuration
    from provenance.engine.interrupt import interruptible
    from provenance.engine.ordered import records
    from provenance.engine.supervisor import jobs_for
    from provenance.intake import paths

    known = {spec.name for spec in catalog()}
    if unknown := sorted(names - known):
        tell("replay_unknown", err=True, names=", ".join(unknown))
    given: dict[str, Any] = dict.fromkeys(ASKED) | {"only": sorted(names & known)}
    with interruptible() as interruption:
        found = configuration([folder], given)
        items = paths.scanned(paths.Walk([folder]))
        jobs = jobs_for(1 << 20, found.settings.jobs)
        yield from records(interruption.ending(items), choice(found, given), jobs, interruption)


def _differences(then: "Record", now: "Record") -> Iterator[tuple[str, list[str], list[str]]]:
    """Yield detectors whose signals differ, with the codes of those that the other side lacks."""
    names = [*then.tool.detectors, "item"]
    for name in names:
        before, after = (_said(record.signals, name) for record in (then, now))
        if before.keys() != after.keys():
            gone = [code for key, code in before.items() if key not in after]
            yield name, gone, [code for key, code in after.items() if key not in before]


def _said(signals: "Sequence[Signal]", detector: str) -> dict[bytes, str]:
    """Return the signals of a detector in canonical form, with their codes.

    What follows from others is left out, and that nothing applied, which names what was chosen.
    """
    import msgspec

    from detectors.signal import Claim
    from provenance.canonical import canonical_json
    from provenance.engine.tally import NOTHING_APPLIES

    own = [
        signal
        for signal in signals
        if signal.detector == detector
        and signal.reason.code != NOTHING_APPLIES
        and (detector != "item" or signal.claim is not Claim.CONFLICT)
    ]
    return {canonical_json(msgspec.json.encode(one)): one.reason.code for one in own}
