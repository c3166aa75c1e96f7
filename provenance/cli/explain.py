"""`provenance explain`: a verdict at length."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from detectors.errors import ConfigError
from detectors.signal import MatchFacts, facts_of
from detectors.storing.atomic import appearing
from provenance.cli.options import choice, choosing, configuration, language
from provenance.record import Record

if TYPE_CHECKING:
    from provenance.render.words import Words


@click.command()
@click.argument("file", type=click.Path())
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Draw the match with a known picture into this PNG file.",
)
@click.option("--force", is_flag=True, help="Let --out replace a file.")
@choosing
@click.pass_context
def explain(
    ctx: click.Context, /, file: str, out: Path | None, *, force: bool, **given: Any
) -> None:
    """Say at length why FILE gets its verdict.

    What was found, what that means and does not mean, what to do next, how to say it in a sentence
    that can be published; then every fact, and the rows of the policy that were met.

    Of a long text each window is listed, and passages that stand out are quoted.

    With --out, both pictures of a match are drawn: what joins them, and how well each part agrees.
    """
    from provenance.cli.run import colour, width
    from provenance.engine.ordered import records
    from provenance.engine.tally import Tally, could_not_check
    from provenance.intake import paths
    from provenance.render import RenderOptions, explained
    from provenance.render.words import Words

    if out is not None and file == "-":
        raise ConfigError("--out draws a file; name one instead of -")
    if out is not None and out.exists() and not force:
        raise ConfigError(f"{out}: is there already; --force replaces it")
    found = configuration([file], given)
    chosen = choice(found, given)
    tally = Tally(None, could_not_check, lambda _record: None)
    (record,) = tally.watch(records(paths.items([paths.single(file)]), chosen, 1))
    look = RenderOptions(
        width=width(),
        colour=colour("auto"),
        unicode=(sys.stdout.encoding or "").lower().replace("-", "") == "utf8",
        verbose=True,
        locale=language(found, given),
        policy=chosen.policy,
        tables=tuple(table for spec in chosen.specs for table in spec.messages),
    )
    explained.write(record, chosen.policy, sys.stdout, look)
    if out is not None:
        words = Words(look)
        drawn = _drawn(file, record, chosen.banks, out, words)
        click.echo(f"{words.shown(str(out))}: {drawn}", err=True)
    ctx.exit(tally.exit_code)


def _drawn(file: str, record: Record, banks: list[str], out: Path, words: "Words") -> str:
    """Draw the first match of a record, and give what became of it in a line."""
    from provenance.banking.matched import aligned, matched
    from provenance.intake import files
    from provenance.render.match import draw

    found = ((signal, facts_of(signal, MatchFacts)) for signal in record.signals)
    signal, facts = next((one for one in found if one[1].entry), (None, None))
    if signal is None or facts is None:
        return words.word("drawing.none")
    match = matched(banks, facts, files.item(file, follow=True).picture)
    risk = words.word("drawing.risk", uri=record.item.uri, risk=record.verdict.risk.value)
    aligned_pair = aligned(match.picture, match.block)
    image = draw(match.picture, aligned_pair, [words.say(signal.reason), risk], words)
    with appearing(out) as drawn:
        image.save(drawn, "PNG")
    return words.word("drawing.done", entry=match.entry, file=file)
