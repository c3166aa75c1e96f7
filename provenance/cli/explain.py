"""`provenance explain`: a verdict at length."""

import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from detectors.decode.sniff import Kind
from detectors.errors import ConfigError
from detectors.storing.atomic import atomic_write
from provenance.cli.options import choice, choosing, configuration, language
from provenance.record import Record

if TYPE_CHECKING:
    from provenance.engine.config import RunConfig
    from provenance.render import RenderOptions
    from provenance.render.words import Words

SIDE = 960
"""Pixels of the longer side of the picture in a page."""


@click.command()
@click.argument("file", type=click.Path())
@click.option(
    "--format",
    "form",
    type=click.Choice(["terminal", "html"]),
    default="terminal",
    show_default=True,
    help="Words, or a page to keep and to print, with the picture.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Draw the match with a known picture into this PNG file; with html, the page.",
)
@click.option("--force", is_flag=True, help="Let --out replace a file.")
@choosing
@click.pass_context
def explain(
    ctx: click.Context, /, file: str, form: str, out: Path | None, *, force: bool, **given: Any
) -> None:
    """Say at length why FILE gets its verdict.

    What was found, what that means and does not mean, what to do next, how to say it in a sentence
    that can be published; then every fact, and the rows of the policy that were met.

    Of a long text each window is listed, and passages that stand out are quoted.

    With --out, both pictures of a match are drawn: what joins them, and how well each part agrees.
    A page (--format html) holds that drawing, the picture, and the history that a credential tells.
    """
    from provenance.cli.run import colour, width
    from provenance.engine.ordered import records
    from provenance.engine.tally import Tally, could_not_check
    from provenance.intake import paths
    from provenance.render import RenderOptions, explained
    from provenance.render.words import Words

    if out is not None and file == "-" and form != "html":
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
        unicode=form == "html" or (sys.stdout.encoding or "").lower().replace("-", "") == "utf8",
        verbose=True,
        locale=language(found, given),
        policy=chosen.policy,
        tables=tuple(table for spec in chosen.specs for table in spec.messages),
    )
    if form == "html":
        _page(file, record, chosen, look, out)
        ctx.exit(tally.exit_code)
    explained.write(record, chosen.policy, sys.stdout, look)
    if out is not None:
        words = Words(look)
        drawn = _drawn(file, record, chosen.banks, out, words)
        click.echo(f"{words.shown(str(out))}: {drawn}", err=True)
    ctx.exit(tally.exit_code)


def _page(
    file: str, record: Record, chosen: "RunConfig", look: "RenderOptions", out: Path | None
) -> None:
    """Write the page of an item, with its picture and the match where there is one."""
    from provenance.engine.isolated import isolated
    from provenance.render.html import item
    from provenance.render.html.thumbnails import preview
    from provenance.render.words import Words

    words, pictures = Words(look), []
    if record.item.kind is Kind.IMAGE and record.item.sha256 and file != "-":
        pictures = [(words.word("page.copy", side=SIDE), preview(file, record.item.sha256, SIDE))]
        try:
            found = isolated(file, _drawing, file, record, chosen.banks, words, "WEBP")
        except ConfigError as error:  # the page says of the match what the record says
            click.echo(f"provenance: {words.shown(str(error))}", err=True)
        else:
            pictures += [(words.word("page.match", entry=found[0]), found[1])] if found else []
    page = io.BytesIO()
    item.write(record, chosen.policy, [one for one in pictures if one[1]], page, look)
    if out is None:
        sys.stdout.buffer.write(page.getvalue())
    else:
        atomic_write(out, page.getvalue())


def _drawn(file: str, record: Record, banks: list[str], out: Path, words: "Words") -> str:
    """Draw the first match of a record, and give what became of it in a line."""
    from provenance.engine.isolated import isolated

    found = isolated(file, _drawing, file, record, banks, words, "PNG")
    if found is None:
        return words.word("drawing.none")
    entry, image = found
    atomic_write(out, image)
    return words.word("drawing.done", entry=entry, file=file)


def _drawing(
    file: str, record: Record, banks: list[str], words: "Words", form: str
) -> tuple[str, bytes] | None:
    """Return the entry of the first match of a record, and the drawing; in a process of its own."""
    from provenance.intake import files
    from provenance.render.drawing import drawing

    return drawing(files.item(file, follow=True), record, banks, words, form)
